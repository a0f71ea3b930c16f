//! Operator expressions, read again by PostgreSQL's own precedence.
//!
//! squawk's tree is lossless but not always bound as PostgreSQL binds (`a IS NULL = b`, `a -> 'b' ->> 'c'`). So runs of
//! operators are taken apart into their tokens and put together by the precedence of PostgreSQL's grammar (`gram.y`,
//! the %left/%right/%nonassoc table). What stands between operators (names, calls, parentheses, CASE) is an atom and
//! stays a syntax node.

use std::iter::Peekable;
use std::vec::IntoIter;

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::wire::{PgError, SqlState};

#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Atom(SyntaxNode),
    Not(Box<Expr>),
    /// `-`, `+`, `~` and other prefix operators.
    Prefix {
        op: String,
        operand: Box<Expr>,
        at: usize,
    },
    Binary {
        op: String,
        left: Box<Expr>,
        right: Box<Expr>,
        at: usize,
    },
    Logic {
        and: bool,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Is {
        what: IsWhat,
        not: bool,
        operand: Box<Expr>,
    },
    IsDistinct {
        not: bool,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Between {
        not: bool,
        symmetric: bool,
        operand: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    In {
        not: bool,
        operand: Box<Expr>,
        list: SyntaxNode,
    },
    Like {
        kind: LikeKind,
        not: bool,
        operand: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
    },
    Cast {
        operand: Box<Expr>,
        to: SyntaxNode,
    },
    AtTimeZone {
        operand: Box<Expr>,
        zone: Option<Box<Expr>>,
    },
    Collate {
        operand: Box<Expr>,
        collation: SyntaxNode,
    },
    Overlaps {
        at: usize,
    },
    /// `IS JSON`, `IS NORMALIZED`, `IS DOCUMENT` and the like.
    IsOther(SyntaxNode),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsWhat {
    Null,
    True,
    False,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LikeKind {
    Like,
    Ilike,
    Similar,
}

// Levels of gram.y, low to high.
const OR: u8 = 10;
const AND: u8 = 20;
const NOT: u8 = 30;
const IS: u8 = 40;
const COMPARISON: u8 = 50;
const MATCH: u8 = 60;
const OPERATOR: u8 = 80;
const ADD: u8 = 90;
const MULTIPLY: u8 = 100;
const POWER: u8 = 110;
const AT: u8 = 120;
const COLLATE: u8 = 130;
const UNARY: u8 = 140;
const TYPECAST: u8 = 150;

#[derive(Debug)]
enum Token {
    Atom(SyntaxNode),
    Op(Op, usize),
}

#[derive(Debug, Clone)]
enum Op {
    And,
    Or,
    Not,
    /// Any operator by its text: `+`, `=`, `||`, `<=>`.
    Symbol(String),
    /// `OPERATOR(schema.op)`: all bind alike.
    Called(String),
    Is {
        not: bool,
    },
    IsDistinct {
        not: bool,
    },
    IsPostfix {
        not: bool,
    },
    IsOther(SyntaxNode),
    Between {
        not: bool,
    },
    Symmetric,
    Asymmetric,
    In {
        not: bool,
    },
    Like(LikeKind, bool),
    Escape,
    Cast(SyntaxNode),
    AtTimeZone,
    AtLocal,
    Collate(SyntaxNode),
    Overlaps,
}

impl Op {
    /// How tightly it holds an operand to its left; `None` for what cannot stand there.
    fn level(&self) -> Option<u8> {
        Some(match self {
            Op::Or => OR,
            Op::And => AND,
            Op::Is { .. } | Op::IsDistinct { .. } | Op::IsPostfix { .. } | Op::IsOther(_) => IS,
            Op::Between { .. } | Op::In { .. } | Op::Like(..) => MATCH,
            Op::Overlaps | Op::Called(_) => OPERATOR,
            Op::Cast(_) => TYPECAST,
            Op::AtTimeZone | Op::AtLocal => AT,
            Op::Collate(_) => COLLATE,
            Op::Symbol(symbol) => match symbol.as_str() {
                "=" | "<" | ">" | "<=" | ">=" | "<>" | "!=" => COMPARISON,
                "+" | "-" => ADD,
                "*" | "/" | "%" => MULTIPLY,
                "^" => POWER,
                _ => OPERATOR,
            },
            Op::Not | Op::Symmetric | Op::Asymmetric | Op::Escape => return None,
        })
    }
}

/// The expression a node stands for.
///
/// squawk leaves `x::int BETWEEN 1 AND 2` in two siblings, the cast and a BETWEEN without its operand; the second is read
/// with the first. Lists of expressions are therefore gone through by [`expressions`].
pub(crate) fn read(node: &SyntaxNode) -> Result<Expr, Box<PgError>> {
    let headless = node.next_sibling().filter(is_headless);
    if !is_run(node) && headless.is_none() {
        return Ok(Expr::Atom(node.clone()));
    }
    let mut tokens = Vec::new();
    if is_run(node) {
        flatten(node, &mut tokens)?;
    } else {
        tokens.push(Token::Atom(node.clone()));
    }
    let mut rest = headless;
    while let Some(headless) = rest {
        flatten(&headless, &mut tokens)?;
        rest = headless.next_sibling().filter(is_headless);
    }
    let mut reader = Reader { tokens: tokens.into_iter().peekable() };
    let expr = reader.expression(OR)?;
    match reader.tokens.next() {
        None => Ok(expr),
        Some(Token::Op(op, at)) => Err(near(&op_text(&op), at)),
        Some(Token::Atom(node)) => Err(near(&first_word(&node), node.text_range().start().into())),
    }
}

/// Whether a node is the rest of an expression that began in the sibling before it.
fn is_headless(node: &SyntaxNode) -> bool {
    let mut words = node
        .descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .map(|token| token.kind())
        .filter(|kind| !matches!(kind, SyntaxKind::WHITESPACE | SyntaxKind::COMMENT));
    match words.next() {
        Some(SyntaxKind::BETWEEN_KW) => true,
        Some(SyntaxKind::NOT_KW) => words.next() == Some(SyntaxKind::BETWEEN_KW),
        _ => false,
    }
}

/// The expressions of a list.
pub(crate) fn expressions(list: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> {
    list.children().filter(|child| !is_headless(child))
}

/// Whether a node is part of a run of operators.
fn is_run(node: &SyntaxNode) -> bool {
    match node.kind() {
        SyntaxKind::BIN_EXPR
        | SyntaxKind::PREFIX_EXPR
        | SyntaxKind::POSTFIX_EXPR
        | SyntaxKind::BETWEEN_EXPR
        | SyntaxKind::COLLATE => true,
        SyntaxKind::CAST_EXPR => node.children().any(|child| child.kind() == SyntaxKind::COLON_COLON),
        _ => false,
    }
}

/// What stands for a NOT that the parser would not take (`parse`): an operator as long as the word, which PostgreSQL has
/// not.
pub(super) const NOT_STAND_IN: &str = "@!@";

pub(super) fn is_not_stand_in(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::CUSTOM_OP && node.text() == NOT_STAND_IN
}

fn flatten(node: &SyntaxNode, out: &mut Vec<Token>) -> Result<(), Box<PgError>> {
    let mut elements = node.children_with_tokens().filter(|element| !is_trivia(element)).peekable();
    let mut not = false;
    while let Some(element) = elements.next() {
        let at = usize::from(element.text_range().start());
        let op = match &element {
            SyntaxElement::Token(token) => match token.kind() {
                SyntaxKind::AND_KW if node.kind() == SyntaxKind::BETWEEN_EXPR => Op::And,
                SyntaxKind::AND_KW => Op::And,
                SyntaxKind::OR_KW => Op::Or,
                SyntaxKind::NOT_KW if node.kind() == SyntaxKind::BETWEEN_EXPR => {
                    not = true;
                    continue;
                }
                SyntaxKind::NOT_KW => Op::Not,
                SyntaxKind::IS_KW => Op::Is { not: false },
                SyntaxKind::ISNULL_KW => Op::IsPostfix { not: false },
                SyntaxKind::NOTNULL_KW => Op::IsPostfix { not: true },
                SyntaxKind::IN_KW => Op::In { not: false },
                SyntaxKind::LIKE_KW => Op::Like(LikeKind::Like, false),
                SyntaxKind::ILIKE_KW => Op::Like(LikeKind::Ilike, false),
                SyntaxKind::BETWEEN_KW => Op::Between { not: std::mem::take(&mut not) },
                SyntaxKind::ESCAPE_KW => Op::Escape,
                SyntaxKind::OVERLAPS_KW => Op::Overlaps,
                SyntaxKind::COLLATE_KW => match elements.next() {
                    Some(SyntaxElement::Node(collation)) => Op::Collate(collation),
                    _ => return Err(near(token.text(), at)),
                },
                _ => Op::Symbol(token.text().to_owned()),
            },
            SyntaxElement::Node(child) => match child.kind() {
                SyntaxKind::IS_NOT => Op::Is { not: true },
                SyntaxKind::IS_DISTINCT_FROM => Op::IsDistinct { not: false },
                SyntaxKind::IS_NOT_DISTINCT_FROM => Op::IsDistinct { not: true },
                SyntaxKind::NOT_IN => Op::In { not: true },
                SyntaxKind::NOT_LIKE => Op::Like(LikeKind::Like, true),
                SyntaxKind::NOT_ILIKE => Op::Like(LikeKind::Ilike, true),
                SyntaxKind::SIMILAR_TO => Op::Like(LikeKind::Similar, false),
                SyntaxKind::NOT_SIMILAR_TO => Op::Like(LikeKind::Similar, true),
                SyntaxKind::SYMMETRIC => Op::Symmetric,
                SyntaxKind::ASYMMETRIC => Op::Asymmetric,
                SyntaxKind::AT_TIME_ZONE => Op::AtTimeZone,
                SyntaxKind::AT_LOCAL => Op::AtLocal,
                SyntaxKind::CUSTOM_OP if is_not_stand_in(child) => Op::Not,
                SyntaxKind::CUSTOM_OP => Op::Symbol(joined(child)),
                SyntaxKind::OPERATOR_CALL => Op::Called(called_operator(child)),
                SyntaxKind::COLON_COLON => match elements.next() {
                    Some(SyntaxElement::Node(to)) => Op::Cast(to),
                    _ => return Err(near("::", at)),
                },
                kind if format!("{kind:?}").starts_with("IS_") => Op::IsOther(child.clone()),
                SyntaxKind::ERROR => return Err(near(&first_word(child), at)),
                _ if is_run(child) => {
                    flatten(child, out)?;
                    continue;
                }
                _ => {
                    out.push(Token::Atom(child.clone()));
                    continue;
                }
            },
        };
        out.push(Token::Op(op, at));
    }
    Ok(())
}

struct Reader {
    tokens: Peekable<IntoIter<Token>>,
}

impl Reader {
    /// An expression of operators that hold at least as tightly as `min`.
    fn expression(&mut self, min: u8) -> Result<Expr, Box<PgError>> {
        let mut left = self.prefix()?;
        while let Some(level) = self.peek_level()
            && level >= min
        {
            let Some(Token::Op(op, at)) = self.tokens.next() else { break };
            left = self.infix(left, op, level, at)?;
        }
        Ok(left)
    }

    fn peek_level(&mut self) -> Option<u8> {
        match self.tokens.peek()? {
            Token::Op(op, _) => op.level(),
            Token::Atom(_) => None,
        }
    }

    fn prefix(&mut self) -> Result<Expr, Box<PgError>> {
        match self.tokens.next() {
            Some(Token::Atom(node)) => Ok(Expr::Atom(node)),
            Some(Token::Op(Op::Not, _)) => Ok(Expr::Not(Box::new(self.expression(NOT)?))),
            Some(Token::Op(Op::Symbol(op) | Op::Called(op), at)) => {
                let level = match op.as_str() {
                    "+" | "-" => UNARY,
                    _ => OPERATOR + 1,
                };
                let operand = Box::new(self.expression(level)?);
                Ok(Expr::Prefix { op, operand, at })
            }
            Some(Token::Op(op, at)) => Err(near(&op_text(&op), at)),
            None => Err(PgError::error(SqlState::SYNTAX_ERROR, "syntax error at end of input")),
        }
    }

    fn infix(&mut self, left: Expr, op: Op, level: u8, at: usize) -> Result<Expr, Box<PgError>> {
        let left = Box::new(left);
        Ok(match op {
            Op::Or => Expr::Logic { and: false, left, right: Box::new(self.expression(level + 1)?) },
            Op::And => Expr::Logic { and: true, left, right: Box::new(self.expression(level + 1)?) },
            Op::Symbol(op) | Op::Called(op) => {
                let right = Box::new(self.expression(level + 1)?);
                // `a = ANY (..)` ends with a parenthesis in the grammar: nothing is left open to compare again.
                if level == COMPARISON && !is_quantified(&right) {
                    self.refuse_again(level)?;
                }
                Expr::Binary { op, left, right, at }
            }
            Op::Is { not } => {
                let what = match self.tokens.next() {
                    Some(Token::Atom(node)) => is_what(&node)?,
                    Some(Token::Op(op, at)) => return Err(near(&op_text(&op), at)),
                    None => return Err(PgError::error(SqlState::SYNTAX_ERROR, "syntax error at end of input")),
                };
                Expr::Is { what, not, operand: left }
            }
            Op::IsPostfix { not } => Expr::Is { what: IsWhat::Null, not, operand: left },
            Op::IsOther(node) => Expr::IsOther(node),
            Op::IsDistinct { not } => {
                let right = Box::new(self.expression(level + 1)?);
                self.refuse_again(level)?;
                Expr::IsDistinct { not, left, right }
            }
            Op::Between { not } => {
                let mut symmetric = false;
                if let Some(Token::Op(Op::Symmetric | Op::Asymmetric, _)) = self.tokens.peek() {
                    symmetric = matches!(self.tokens.next(), Some(Token::Op(Op::Symmetric, _)));
                }
                // The lower bound is a `b_expr`: comparisons may stand in it, AND may not.
                let low = Box::new(self.expression(IS)?);
                match self.tokens.next() {
                    Some(Token::Op(Op::And, _)) => {}
                    Some(Token::Op(op, at)) => return Err(near(&op_text(&op), at)),
                    _ => return Err(near("BETWEEN", at)),
                }
                let high = Box::new(self.expression(level + 1)?);
                self.refuse_again(level)?;
                Expr::Between { not, symmetric, operand: left, low, high }
            }
            Op::In { not } => match self.tokens.next() {
                Some(Token::Atom(list)) if is_parenthesised(&list) => Expr::In { not, operand: left, list },
                Some(Token::Atom(list)) => return Err(near(&first_word(&list), list.text_range().start().into())),
                Some(Token::Op(op, at)) => return Err(near(&op_text(&op), at)),
                None => return Err(near("IN", at)),
            },
            Op::Like(kind, not) => {
                let pattern = Box::new(self.expression(level + 1)?);
                let mut escape = None;
                if let Some(Token::Op(Op::Escape, _)) = self.tokens.peek() {
                    self.tokens.next();
                    escape = Some(Box::new(self.expression(level + 1)?));
                }
                if !is_quantified(&pattern) {
                    self.refuse_again(level)?;
                }
                Expr::Like { kind, not, operand: left, pattern, escape }
            }
            Op::Cast(to) => Expr::Cast { operand: left, to },
            Op::AtTimeZone => Expr::AtTimeZone { operand: left, zone: Some(Box::new(self.expression(level + 1)?)) },
            Op::AtLocal => Expr::AtTimeZone { operand: left, zone: None },
            Op::Collate(collation) => Expr::Collate { operand: left, collation },
            Op::Overlaps => {
                self.expression(level + 1)?;
                Expr::Overlaps { at }
            }
            other => return Err(near(&op_text(&other), at)),
        })
    }

    /// Comparisons, IS DISTINCT, BETWEEN and LIKE do not chain (%nonassoc).
    fn refuse_again(&mut self, level: u8) -> Result<(), Box<PgError>> {
        if self.peek_level() == Some(level)
            && let Some(Token::Op(op, at)) = self.tokens.peek()
        {
            return Err(near(&op_text(op), *at));
        }
        Ok(())
    }
}

fn is_parenthesised(node: &SyntaxNode) -> bool {
    node.first_token().is_some_and(|token| token.kind() == SyntaxKind::L_PAREN)
}

fn is_quantified(expr: &Expr) -> bool {
    let Expr::Atom(node) = expr else { return false };
    node.kind() == SyntaxKind::CALL_EXPR
        && node
            .first_child()
            .is_some_and(|f| matches!(f.kind(), SyntaxKind::ANY_FN | SyntaxKind::ALL_FN | SyntaxKind::SOME_FN))
}

fn is_what(node: &SyntaxNode) -> Result<IsWhat, Box<PgError>> {
    let word = node.text().to_string();
    let at = usize::from(node.text_range().start());
    match word.to_ascii_lowercase().as_str() {
        "null" => Ok(IsWhat::Null),
        "true" => Ok(IsWhat::True),
        "false" => Ok(IsWhat::False),
        "unknown" => Ok(IsWhat::Unknown),
        _ => Err(near(&first_word(node), at)),
    }
}

fn op_text(op: &Op) -> String {
    match op {
        Op::And => "AND".into(),
        Op::Or => "OR".into(),
        Op::Not => "NOT".into(),
        Op::Symbol(symbol) | Op::Called(symbol) => symbol.clone(),
        Op::Is { .. } | Op::IsDistinct { .. } | Op::IsOther(_) => "IS".into(),
        Op::IsPostfix { not } => if *not { "NOTNULL" } else { "ISNULL" }.into(),
        Op::Between { .. } => "BETWEEN".into(),
        Op::Symmetric => "SYMMETRIC".into(),
        Op::Asymmetric => "ASYMMETRIC".into(),
        Op::In { .. } => "IN".into(),
        Op::Like(LikeKind::Like, _) => "LIKE".into(),
        Op::Like(LikeKind::Ilike, _) => "ILIKE".into(),
        Op::Like(LikeKind::Similar, _) => "SIMILAR".into(),
        Op::Escape => "ESCAPE".into(),
        Op::Cast(_) => "::".into(),
        Op::AtTimeZone | Op::AtLocal => "AT".into(),
        Op::Collate(_) => "COLLATE".into(),
        Op::Overlaps => "OVERLAPS".into(),
    }
}

pub(crate) fn is_trivia(element: &SyntaxElement) -> bool {
    matches!(element.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT)
}

/// The tokens of a node without what is between them.
fn joined(node: &SyntaxNode) -> String {
    node.descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
        .map(|token| token.text().to_owned())
        .collect()
}

fn called_operator(node: &SyntaxNode) -> String {
    let symbol = node.descendants().find(|child| child.kind() == SyntaxKind::CUSTOM_OP).map(|op| joined(&op));
    symbol.unwrap_or_else(|| {
        let text = joined(node);
        let inner = text.rsplit_once('(').map_or(text.as_str(), |(_, rest)| rest).trim_end_matches(')');
        inner.rsplit_once('.').map_or(inner, |(_, op)| op).to_owned()
    })
}

fn first_word(node: &SyntaxNode) -> String {
    node.first_token().map(|token| token.text().to_owned()).unwrap_or_default()
}

/// A syntax error at byte offset `at`; the position becomes one in characters at the top of translation.
fn near(text: &str, at: usize) -> Box<PgError> {
    let message = if text.is_empty() {
        "syntax error at end of input".into()
    } else {
        format!("syntax error at or near \"{text}\"")
    };
    let error = PgError::error(SqlState::SYNTAX_ERROR, message);
    match u32::try_from(at) {
        // Byte offsets travel as `offset + 1`, like positions.
        Ok(at) => error.position(at.saturating_add(1)),
        Err(_) => error,
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
