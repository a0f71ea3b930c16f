//! stub
use crate::wire::PgError;
#[derive(Debug)]
pub struct TextFormat {
    pub delimiter: u8,
    pub null: Vec<u8>,
    pub header: bool,
}
#[derive(Debug)]
pub struct CopyDecoder;
impl CopyDecoder {
    pub fn text(_: TextFormat, _: usize) -> Self {
        Self
    }
    pub fn push(&mut self, _: &[u8]) {}
    pub fn finish(&mut self) {}
    pub fn next_row(&mut self) -> Result<Option<Vec<Option<&[u8]>>>, Box<PgError>> {
        Ok(None)
    }
}
