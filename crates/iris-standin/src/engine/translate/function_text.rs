//! String functions: arguments as logical text, results EXACT.

use super::super::SqlError;
use super::super::convert::{Class, Purpose};
use super::super::parse::{TRIM_LEADING, TRIM_TRAILING};
use super::super::types::DataType;
use super::arguments::wrong_arguments;
use super::term::{TEXT, Term};
use super::translator::Translator;

/// What an argument is read as.
#[derive(Clone, Copy)]
enum Arg {
    Text,
    Int,
    List,
}

use Arg::{Int, List, Text};

/// What the result is.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    Text,
    Int,
    List,
}

/// IRIS name, SQLite function, argument kinds, how many of them are required, what the result is.
type Entry = (&'static str, &'static str, &'static [Arg], usize, Gives);

const FUNCTIONS: &[Entry] = &[
    ("UPPER", "iris_uppercase", &[Text], 1, Gives::Text),
    ("UCASE", "iris_uppercase", &[Text], 1, Gives::Text),
    ("LOWER", "iris_lowercase", &[Text], 1, Gives::Text),
    ("LCASE", "iris_lowercase", &[Text], 1, Gives::Text),
    ("LENGTH", "iris_length", &[Text], 1, Gives::Int),
    ("LEN", "iris_length", &[Text], 1, Gives::Int),
    ("CHAR_LENGTH", "iris_char_length", &[Text], 1, Gives::Int),
    ("CHARACTER_LENGTH", "iris_char_length", &[Text], 1, Gives::Int),
    ("DATALENGTH", "iris_char_length", &[Text], 1, Gives::Int),
    ("OCTET_LENGTH", "iris_octet_length", &[Text], 1, Gives::Int),
    ("$LENGTH", "iris_dollar_length", &[Text, Text], 1, Gives::Int),
    ("SUBSTRING", "iris_substring", &[Text, Int, Int], 2, Gives::Text),
    ("SUBSTR", "iris_substring", &[Text, Int, Int], 2, Gives::Text),
    ("LEFT", "iris_left", &[Text, Int], 2, Gives::Text),
    ("RIGHT", "iris_right", &[Text, Int], 2, Gives::Text),
    ("TRIM", "iris_trim", &[Text, Text], 1, Gives::Text),
    // Two ends of `TRIM(LEADING ..)` and `TRIM(TRAILING ..)` under names that nobody can write.
    (TRIM_LEADING, "iris_ltrim", &[Text, Text], 1, Gives::Text),
    (TRIM_TRAILING, "iris_rtrim", &[Text, Text], 1, Gives::Text),
    ("LTRIM", "iris_ltrim", &[Text], 1, Gives::Text),
    ("RTRIM", "iris_rtrim", &[Text], 1, Gives::Text),
    ("REPLACE", "iris_replace", &[Text, Text, Text], 3, Gives::Text),
    ("REPEAT", "iris_repeat", &[Text, Int], 2, Gives::Text),
    ("REPLICATE", "iris_repeat", &[Text, Int], 2, Gives::Text),
    ("SPACE", "iris_space", &[Int], 1, Gives::Text),
    ("REVERSE", "iris_reverse", &[Text], 1, Gives::Text),
    ("ASCII", "iris_ascii", &[Text], 1, Gives::Int),
    ("CHAR", "iris_char", &[Int], 1, Gives::Text),
    ("CONCAT", "iris_concat", &[Text, Text], 2, Gives::Text),
    ("INSTR", "iris_instr", &[Text, Text, Int, Int], 2, Gives::Int),
    ("CHARINDEX", "iris_charindex", &[Text, Text, Int], 2, Gives::Int),
    ("POSITION", "iris_charindex", &[Text, Text], 2, Gives::Int),
    ("$FIND", "iris_find", &[Text, Text, Int], 2, Gives::Int),
    ("$EXTRACT", "iris_extract", &[Text, Int, Int], 1, Gives::Text),
    ("$PIECE", "iris_piece", &[Text, Text, Int, Int], 2, Gives::Text),
    ("$TRANSLATE", "iris_translate", &[Text, Text, Text], 2, Gives::Text),
    ("TRANSLATE", "iris_translate", &[Text, Text, Text], 2, Gives::Text),
    ("LPAD", "iris_lpad", &[Text, Int, Text], 2, Gives::Text),
    ("RPAD", "iris_rpad", &[Text, Int, Text], 2, Gives::Text),
    ("STUFF", "iris_stuff", &[Text, Int, Int, Text], 4, Gives::Text),
    ("$JUSTIFY", "iris_justify", &[Text, Int, Int], 2, Gives::Text),
    ("$TSQL_NEWID", "iris_new_guid", &[], 0, Gives::Text),
    ("$LISTFROMSTRING", "iris_list_from_string", &[Text, Text], 1, Gives::List),
    ("$LISTTOSTRING", "iris_list_to_string", &[List, Text], 1, Gives::Text),
    ("$LISTLENGTH", "iris_list_length", &[List], 1, Gives::Int),
    ("$LISTGET", "iris_list_get", &[List, Int, Text], 1, Gives::Text),
    ("$LIST", "iris_list_get", &[List, Int], 1, Gives::Text),
    ("$LISTFIND", "iris_list_find", &[List, Text], 2, Gives::Int),
    ("$LISTSAME", "iris_list_same", &[List, List], 2, Gives::Int),
    ("$LISTDATA", "iris_list_data", &[List, Int], 1, Gives::Int),
];

impl Translator<'_> {
    pub(super) fn text_function(&mut self, upper: &str, terms: &[Term]) -> Result<Option<Term>, SqlError> {
        if upper == "STRING" || upper == "$LISTBUILD" {
            if terms.is_empty() {
                return Err(wrong_arguments(upper));
            }
            let mut texts = Vec::new();
            for term in terms {
                texts.push(self.text_of(term)?);
            }
            let (function, data_type) =
                if upper == "STRING" { ("iris_string", TEXT) } else { ("iris_list_build", DataType::List) };
            return Ok(Some(Term::new(format!("{function}({})", texts.join(",")), data_type)));
        }
        let Some((_, function, kinds, required, gives)) = FUNCTIONS.iter().find(|entry| entry.0 == upper) else {
            return Ok(None);
        };
        if !(*required..=kinds.len()).contains(&terms.len()) {
            return Err(wrong_arguments(upper));
        }
        let mut texts = Vec::new();
        for (term, kind) in terms.iter().zip(*kinds) {
            texts.push(match kind {
                Text => self.text_of(term)?,
                Int => self.integer_of(term)?,
                // A string is taken for a list as it is, which it seldom is.
                List if term.class() == Class::Text && !term.is_flexible() => term.sql.clone(),
                List => self.coerce(term, DataType::List, Purpose::Compare)?,
            });
        }
        let data_type = match gives {
            Gives::Text => TEXT,
            Gives::Int => DataType::Integer,
            Gives::List => DataType::List,
        };
        Ok(Some(Term::new(format!("{function}({})", texts.join(",")), data_type)))
    }
}
