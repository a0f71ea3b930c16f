//! String functions: arguments as logical text, results EXACT.

use super::super::SqlError;
use super::super::types::DataType;
use super::Translator;
use super::function::wrong_arguments;
use super::term::{TEXT, Term};

/// What an argument is read as.
#[derive(Clone, Copy)]
enum Arg {
    Text,
    Int,
}

use Arg::{Int, Text};

/// IRIS name, SQLite function, argument kinds, how many of them are required, whether the result is a number.
type Entry = (&'static str, &'static str, &'static [Arg], usize, bool);

const FUNCTIONS: &[Entry] = &[
    ("UPPER", "iris_uppercase", &[Text], 1, false),
    ("UCASE", "iris_uppercase", &[Text], 1, false),
    ("LOWER", "iris_lowercase", &[Text], 1, false),
    ("LCASE", "iris_lowercase", &[Text], 1, false),
    ("LENGTH", "iris_length", &[Text], 1, true),
    ("LEN", "iris_length", &[Text], 1, true),
    ("CHAR_LENGTH", "iris_char_length", &[Text], 1, true),
    ("CHARACTER_LENGTH", "iris_char_length", &[Text], 1, true),
    ("DATALENGTH", "iris_char_length", &[Text], 1, true),
    ("OCTET_LENGTH", "iris_octet_length", &[Text], 1, true),
    ("$LENGTH", "iris_dollar_length", &[Text, Text], 1, true),
    ("SUBSTRING", "iris_substring", &[Text, Int, Int], 2, false),
    ("SUBSTR", "iris_substring", &[Text, Int, Int], 2, false),
    ("LEFT", "iris_left", &[Text, Int], 2, false),
    ("RIGHT", "iris_right", &[Text, Int], 2, false),
    ("TRIM", "iris_trim", &[Text, Text], 1, false),
    ("%TRIM_LEADING", "iris_ltrim", &[Text, Text], 1, false),
    ("%TRIM_TRAILING", "iris_rtrim", &[Text, Text], 1, false),
    ("LTRIM", "iris_ltrim", &[Text], 1, false),
    ("RTRIM", "iris_rtrim", &[Text], 1, false),
    ("REPLACE", "iris_replace", &[Text, Text, Text], 3, false),
    ("REPEAT", "iris_repeat", &[Text, Int], 2, false),
    ("REPLICATE", "iris_repeat", &[Text, Int], 2, false),
    ("SPACE", "iris_space", &[Int], 1, false),
    ("REVERSE", "iris_reverse", &[Text], 1, false),
    ("$REVERSE", "iris_reverse", &[Text], 1, false),
    ("ASCII", "iris_ascii", &[Text], 1, true),
    ("CHAR", "iris_char", &[Int], 1, false),
    ("CONCAT", "iris_concat", &[Text, Text], 2, false),
    ("INSTR", "iris_instr", &[Text, Text, Int, Int], 2, true),
    ("CHARINDEX", "iris_charindex", &[Text, Text, Int], 2, true),
    ("POSITION", "iris_charindex", &[Text, Text], 2, true),
    ("$FIND", "iris_find", &[Text, Text, Int], 2, true),
    ("$EXTRACT", "iris_extract", &[Text, Int, Int], 1, false),
    ("$PIECE", "iris_piece", &[Text, Text, Int, Int], 2, false),
    ("$TRANSLATE", "iris_translate", &[Text, Text, Text], 2, false),
    ("TRANSLATE", "iris_translate", &[Text, Text, Text], 2, false),
    ("LPAD", "iris_lpad", &[Text, Int, Text], 2, false),
    ("RPAD", "iris_rpad", &[Text, Int, Text], 2, false),
    ("STUFF", "iris_stuff", &[Text, Int, Int, Text], 4, false),
    ("$JUSTIFY", "iris_justify", &[Text, Int, Int], 2, false),
    ("INITCAP", "iris_initcap", &[Text], 1, false),
    ("$TSQL_NEWID", "iris_new_guid", &[], 0, false),
    ("$LISTFROMSTRING", "iris_list_from_string", &[Text, Text], 1, false),
    ("$LISTTOSTRING", "iris_list_to_string", &[Text, Text], 1, false),
    ("$LISTLENGTH", "iris_list_length", &[Text], 1, true),
    ("$LISTGET", "iris_list_get", &[Text, Int, Text], 1, false),
    ("$LIST", "iris_list_get", &[Text, Int], 1, false),
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
            let function = if upper == "STRING" { "iris_string" } else { "iris_list_build" };
            return Ok(Some(Term::new(format!("{function}({})", texts.join(",")), TEXT)));
        }
        let Some((_, function, kinds, required, number)) = FUNCTIONS.iter().find(|entry| entry.0 == upper) else {
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
            });
        }
        let data_type = if *number { DataType::Integer } else { TEXT };
        Ok(Some(Term::new(format!("{function}({})", texts.join(",")), data_type)))
    }
}
