//! The lists of words that text search leaves out, which the library's PostgreSQL lacks: without its list no query may use
//! the configuration of a language.

/// Name of the file, and what is in it.
macro_rules! lists {
    ($($language:literal),* $(,)?) => {
        &[$(($language, include_str!(concat!("stop_words/", $language, ".stop")))),*]
    };
}

#[rustfmt::skip]
const LISTS: &[(&str, &str)] = lists![
    "danish", "dutch", "english", "finnish", "french", "german", "hungarian", "italian", "nepali", "norwegian",
    "portuguese", "russian", "spanish", "swedish", "turkish",
];

/// Statements by which PostgreSQL writes the files where it looks for them, in its own part of the file system.
pub(super) fn statements() -> impl Iterator<Item = String> {
    LISTS.iter().map(|(language, words)| {
        let words = words.trim_end().replace('\'', "''");
        format!(
            "COPY (SELECT pg_catalog.string_to_table('{words}', E'\\n')) \
             TO '/share/postgresql/tsearch_data/{language}.stop'"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_one_to_a_line() {
        for (language, words) in LISTS {
            assert!(words.lines().count() > 20, "{language}");
            // COPY would write these otherwise than they are.
            assert!(!words.contains(['\\', '\r', '\t']), "{language}");
        }
        let english = statements().find(|sql| sql.ends_with("english.stop'")).unwrap();
        assert!(english.contains("('i\nme\n"), "{english}");
    }
}
