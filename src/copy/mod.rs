//! COPY formats. Rows survive being cut anywhere across CopyData.
