// Makes a PDF of one page from a title and lines of text, as PDF 1.4 lays it down: numbered objects,
// a table of their byte offsets, a trailer. Letters outside ASCII are replaced, so that characters
// are bytes.

export const ReportFormattingService = act(() =>
  whileLoop(() =>
    waitFor(m => m.type === "FORMAT_AS_PDF", request =>
      send(sender(request), readState(request, r => ({
        type: "REPORT_PDF_READY",
        title: r.title,
        pdf: pdf([r.title, "", ...r.lines]),
      }))),
    ),
  ),
  { daemon: true },
);

function pdf(lines) {
  const text = lines.map(line => `(${escaped(line)}) '`).join("\n");
  const content = `BT /F1 12 Tf 16 TL 72 770 Td\n${text}\nET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let file = "%PDF-1.4\n";
  const offsets = [];
  for (let number = 1; number <= objects.length; number++) {
    offsets.push(file.length);
    file += `${number} 0 obj\n${objects[number - 1]}\nendobj\n`;
  }
  const table = offsets.map(offset => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  return `${file}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`
    + `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
}

function escaped(line) {
  let out = "";
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    const letter = code < 32 || code > 126 ? "?" : line[i];
    out += letter === "(" || letter === ")" || letter === "\\" ? `\\${letter}` : letter;
  }
  return out;
}
