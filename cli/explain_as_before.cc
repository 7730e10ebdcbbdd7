#include <fmt/format.h>

#include <algorithm>

#include "api/text/go_text.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/explain.h"

namespace skiff::cli {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kFieldIndent = 3;
constexpr size_t kTextIndent = 5;
// Of schemas that lead to each other, and of fields within fields.
constexpr int kDepthMax = 40;

// What stands at the beginning of a line and makes it one of its own: "- x", "1. x", code.
bool BeginsLine(std::string_view line) {
  const std::string_view text = WithoutBlanks(line);
  if (line.starts_with("    ") || text.empty()) return true;
  size_t end = 0;
  while (end < text.size() && IsDigit(text[end])) ++end;
  if (end > 0 && end < text.size() && text[end] == '.') ++end;
  if (end == 0 && (text[0] == '-' || text[0] == '*')) end = 1;
  return end > 0 && end < text.size() && kAsciiBlanks.find(text[end]) != kAsciiBlanks.npos;
}

class Wrapping {
 public:
  explicit Wrapping(size_t indent) : indent_(indent, ' ') {}
  std::string Wrapped(const std::string& text) {
    for (const std::string& line : Split(text, '\n')) Take(line);
    Flush();
    return std::move(out_);
  }

 private:
  void Take(const std::string& line) {
    const bool is_code = line.starts_with("    ");
    const bool is_gap = !out_.empty() && WithoutBlanks(line).empty();
    if (is_code || is_gap || line_.ends_with(':') || BeginsLine(line)) Flush();
    if (is_code || is_gap) {
      out_ += is_code ? indent_ + line + "\n" : "\n";
      return;
    }
    for (size_t at = 0; at < line.size();) {
      const size_t begin = line.find_first_not_of(kAsciiBlanks, at);
      if (begin == line.npos) break;
      at = std::min(line.find_first_of(kAsciiBlanks, begin), line.size());
      TakeWord(line.substr(begin, at - begin));
    }
  }
  void TakeWord(const std::string& word) {
    if (!line_.empty() && line_.size() + 1 + word.size() > kWidth - indent_.size()) Flush();
    line_ += (line_.empty() ? "" : " ") + word;
  }
  void Flush() {
    if (!line_.empty()) out_ += indent_ + line_ + "\n";
    line_.clear();
  }

  const std::string indent_;
  std::string line_;
  std::string out_;
};

class Explaining {
 public:
  explicit Explaining(const Explained& what) : what_(what) {}

  // Of a field of that name, or of the kind itself.
  std::string Model(const Json& field, const std::string& name) {
    std::vector<std::string> texts;
    const Json* schema = &field;
    for (int depth = 0; depth < kDepthMax; ++depth) {
      const Json* inner = InnerOf(*schema);
      if (inner == nullptr) break;
      texts.push_back(TextAt(*schema, "description"));
      schema = inner;
    }
    texts.push_back(TextAt(*schema, "description"));
    const bool has_fields = At(*schema, "properties").is_object();
    std::string out = fmt::format("KIND:     {}\nVERSION:  {}\n\n", what_.resource.kind,
                                  what_.resource.api_version);
    if (has_fields && !name.empty()) {
      out += fmt::format("RESOURCE: {} <{}>\n\n", name, TypeName(field));
    } else if (!has_fields && !TypeName(*schema).empty()) {
      out += fmt::format("FIELD:    {} <{}>\n\n", name, TypeName(field));
    }
    out += Description(texts);
    if (!has_fields) return out;
    out += "\nFIELDS:\n";
    what_.recursive ? Names(*schema, kFieldIndent, out) : Fields(*schema, out);
    return out;
  }

 private:
  // What a schema only leads to; null: it is one of its own.
  const Json* InnerOf(const Json& schema) const {
    if (!Schemas::ReferenceOf(schema).empty()) return &what_.schemas.Resolved(schema);
    if (At(schema, "items").is_object()) return &At(schema, "items");
    const bool is_map =
        At(schema, "additionalProperties").is_object() && !At(schema, "properties").is_object();
    return is_map ? &At(schema, "additionalProperties") : nullptr;
  }

  std::string TypeName(const Json& schema) const {
    std::string prefix;
    const Json* at = &schema;
    for (int depth = 0; depth < kDepthMax; ++depth) {
      const Json* inner = InnerOf(*at);
      if (inner == nullptr) break;
      if (Schemas::ReferenceOf(*at).empty()) {
        prefix += At(*at, "items").is_object() ? "[]" : "map[string]";
      }
      at = inner;
    }
    if (At(*at, "properties").is_object()) return prefix + "Object";
    if (At(*at, "oneOf").is_array()) return prefix + "string";
    const std::string type = TextAt(*at, "type");
    return prefix + (type == "object" ? "map[string]" : type);
  }

  static std::string Description(const std::vector<std::string>& texts) {
    std::string out = "DESCRIPTION:\n";
    bool any = false;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].empty()) continue;
      any = true;
      if (i > 0) out += "\n";
      out += Wrapping(kTextIndent).Wrapped(texts[i]);
    }
    return any ? out : out + "     <empty>\n";
  }

  void Fields(const Json& owner, std::string& out) const {
    for (const auto& [name, schema] : At(owner, "properties").items()) {
      out += fmt::format("   {}\t<{}>{}\n", name, TypeName(schema),
                         IsRequired(owner, name) ? " -required-" : "");
      out += Wrapping(kTextIndent).Wrapped(TextAt(schema, "description")) + "\n";
    }
  }

  // Of all fields within fields; a schema within itself is not gone into.
  void Names(const Json& owner, size_t indent, std::string& out) {
    for (const auto& [name, schema] : At(owner, "properties").items()) {
      out += fmt::format("{}{}\t<{}>\n", std::string(indent, ' '), name, TypeName(schema));
      const size_t before = open_.size();
      const Json* at = &schema;
      bool goes_on = indent < kDepthMax * kFieldIndent;
      for (int depth = 0; goes_on && depth < kDepthMax; ++depth) {
        const Json* inner = InnerOf(*at);
        if (inner == nullptr) break;
        const std::string reference = Schemas::ReferenceOf(*at);
        goes_on = reference.empty() || std::ranges::find(open_, reference) == open_.end();
        if (!reference.empty()) open_.push_back(reference);
        at = inner;
      }
      if (goes_on) Names(*at, indent + kFieldIndent, out);
      open_.resize(before);
    }
  }

  const Explained& what_;
  std::vector<std::string> open_;  // References that lead to where we are.
};

}  // namespace

Result<std::string> ExplainAsBefore(const Explained& what) {
  const Json* schema = &what.schemas.OfKind(what.resource);
  if (schema->is_null()) {
    return CliError(fmt::format("couldn't find resource for \"{}\"", what.resource.name));
  }
  for (const std::string& name : what.path) {
    const Json& members = what.schemas.Members(*schema);
    if (!At(members, "properties").is_object()) break;
    const Json& field = At(members, "properties", name);
    if (field.is_null()) return CliError(fmt::format("field {} does not exist", GoQuote(name)));
    schema = &field;
  }
  return Explaining(what).Model(*schema, what.path.empty() ? "" : what.path.back());
}

}  // namespace skiff::cli
