use super::*;

fn ddl(name: &str, arguments: &[TypeArgument]) -> Result<DataType, i32> {
    DataType::from_ddl(name, arguments, "SQLUser.t:c").map_err(|error| error.sqlcode)
}

#[test]
fn lengths_default_to_one_and_the_empty_text_means_unlimited() {
    assert_eq!(ddl("varchar", &[]), Ok(DataType::VarChar { length: Some(1) }));
    assert_eq!(ddl("VARCHAR", &[TypeArgument::Text(String::new())]), Ok(DataType::VarChar { length: None }));
    assert_eq!(ddl("VARCHAR", &[TypeArgument::Number(65_535)]), Ok(DataType::VarChar { length: Some(65_535) }));
    assert_eq!(ddl("CHARACTER VARYING", &[TypeArgument::Number(9)]), Ok(DataType::VarChar { length: Some(9) }));
    assert_eq!(ddl("CHAR", &[]), Ok(DataType::Char { length: 1 }));
    assert_eq!(ddl("VARBINARY", &[TypeArgument::Number(7)]), Ok(DataType::VarBinary { length: Some(7) }));
}

#[test]
fn unknown_names_are_taken_for_classes_that_do_not_exist() {
    for name in ["BOOLEAN", "UUID", "JSON", "JSONB", "BYTEA", "TIMESTAMPTZ", "BIGSERIAL", "INTERVAL", "%Library.Strin"]
    {
        let error = DataType::from_ddl(name, &[], "User.t:c").unwrap_err();
        assert_eq!(error.sqlcode, 400, "{name}");
        assert!(error.message.contains("used by 'User.t:c', does not exist"), "{}", error.message);
    }
}

#[test]
fn class_names_keep_their_case_and_read_parameters() {
    let length = [TypeArgument::Named("MAXLEN".into(), "10".into())];
    assert_eq!(ddl("%Library.String", &length), Ok(DataType::VarChar { length: Some(10) }));
    assert_eq!(ddl("%String", &[]), Ok(DataType::VarChar { length: Some(50) }));
    assert_eq!(ddl("%library.string", &[]), Err(400));
}

#[test]
fn vectors_take_an_element_and_a_length() {
    let word = |text: &str| TypeArgument::Word(text.to_owned());
    let double = VectorElement::Double;
    assert_eq!(
        ddl("VECTOR", &[word("DOUBLE"), TypeArgument::Number(3)]),
        Ok(DataType::Vector { element: double, length: Some(3) })
    );
    assert_eq!(ddl("vector", &[word("double")]), Ok(DataType::Vector { element: double, length: None }));
    assert_eq!(ddl("VECTOR", &[TypeArgument::Number(3)]), Err(1));
    assert_eq!(ddl("VECTOR", &[word("UUID"), TypeArgument::Number(3)]), Err(1));
    assert_eq!(DataType::Vector { element: double, length: Some(3) }.iris_type(), IrisType::VARCHAR);
}

#[test]
fn numeric_without_arguments_holds_fifteen_whole_digits() {
    assert_eq!(ddl("DECIMAL", &[]), Ok(DataType::Numeric { precision: 15, scale: 0 }));
    assert_eq!(ddl("MONEY", &[]).map(|money| money.scale()), Ok(4));
    assert_eq!(ddl("NUMERIC", &[TypeArgument::Text("a".into())]), Err(1));
}
