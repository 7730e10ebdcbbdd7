#include "cli/table_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/text/json_path.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

std::string Upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string LabelsCell(const Json& labels) {
  std::vector<std::string> parts;
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) parts.push_back(key + "=" + TextOf(value));
  }
  return parts.empty() ? "<none>" : Join(parts, ",");
}

// Digits compare as numbers, so that web-10 comes after web-9.
bool NaturalLess(const std::string& a, const std::string& b) {
  size_t i = 0;
  size_t j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
      continue;
    }
    const size_t a_begin = i;
    const size_t b_begin = j;
    while (i < a.size() && digit(a[i])) ++i;
    while (j < b.size() && digit(b[j])) ++j;
    std::string_view left(a.data() + a_begin, i - a_begin);
    std::string_view right(b.data() + b_begin, j - b_begin);
    left.remove_prefix(std::min(left.find_first_not_of('0'), left.size()));
    right.remove_prefix(std::min(right.find_first_not_of('0'), right.size()));
    if (left.size() != right.size()) return left.size() < right.size();
    if (left != right) return left < right;
  }
  return a.size() - i < b.size() - j;
}

bool ValueLess(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return a < b;
  const std::string left = PlainText(a);
  const std::string right = PlainText(b);
  const auto left_amount = Quantity::Parse(left);
  const auto right_amount = Quantity::Parse(right);
  if (left_amount && right_amount) return *left_amount < *right_amount;
  return NaturalLess(left, right);
}

// The members of the object that `in` has entered: each is kept (ReadJson), passed over, or read by
// `member` itself, which says so.
template <typename Member>
Json ReadMembers(JsonReader& in, JsonToken token, const Member& member) {
  if (token != JsonToken::kObject) return ReadJson(in, token);
  Json out = Json::object();
  std::string_view key;
  while (in.NextKey(key)) {
    const std::string name(key);
    if (std::optional<Json> value = member(name)) out[name] = std::move(*value);
  }
  return out;
}

Json ReadRowObject(JsonReader& in) {
  return ReadMembers(in, in.Next(), [&](const std::string& part) -> std::optional<Json> {
    if (part != "metadata") return in.Skip(), std::nullopt;
    return ReadMembers(in, in.Next(), [&](const std::string& name) -> std::optional<Json> {
      if (name == "name" || name == "namespace" || name == "labels") return ReadJson(in, in.Next());
      return in.Skip(), std::nullopt;
    });
  });
}

Json ReadRows(JsonReader& in) {
  const JsonToken token = in.Next();
  if (token != JsonToken::kArray) return ReadJson(in, token);
  Json rows = Json::array();
  while (in.NextItem()) {
    rows.push_back(ReadMembers(in, in.Next(), [&](const std::string& part) -> std::optional<Json> {
      return part == "object" ? ReadRowObject(in) : ReadJson(in, in.Next());
    }));
  }
  return rows;
}

}  // namespace

Result<Json> ParseTable(std::string_view text) {
  JsonReader in(text);
  Json table =
      ReadMembers(in, in.Next(), [&](const std::string& part) -> std::optional<Json> {
        return part == "rows" ? ReadRows(in) : ReadJson(in, in.Next());
      });
  TRY(EndOfJson(in));
  return table;
}

std::string CellText(const Json& cell) {
  const std::string whole = PlainText(cell);
  std::string text;
  for (const char c : whole) {
    if (c == '\n' || c == '\r' || c == '\f') return text + "...";
    if (c == '\t') {
      text += ' ';
    } else if (static_cast<unsigned char>(c) < 0x20) {
      text += '^';
      text += static_cast<char>(c + '@');
    } else {
      text += c;
    }
  }
  return text;
}

std::string TablePrinter::Print(const Json& table, const std::string& event) {
  if (columns_.is_null() && At(table, "columnDefinitions").is_array()) {
    columns_ = table["columnDefinitions"];
  }
  const Json& rows = At(table, "rows");
  if (rows.is_null() || rows.empty()) return "";
  if (options_.headers && !headers_written_) WriteHeaders(event);
  headers_written_ = true;
  for (const Json& row : rows) WriteRow(row, event);
  return writer_.Flush();
}

void TablePrinter::WriteHeaders(const std::string& event) {
  std::vector<std::string> headers;
  if (!event.empty()) headers.push_back("EVENT");
  if (options_.with_namespace) headers.push_back("NAMESPACE");
  for (const Json& column : columns_) {
    if (IntAt(column, "priority") != 0 && !options_.wide) continue;
    headers.push_back(Upper(TextAt(column, "name")));
  }
  for (const std::string& label : options_.label_columns) {
    headers.push_back(Upper(label.substr(label.rfind('/') + 1)));
  }
  if (options_.show_labels) headers.push_back("LABELS");
  writer_.Write(Join(headers, "\t") + "\n");
}

void TablePrinter::WriteRow(const Json& row, const std::string& event) {
  std::vector<std::string> cells;
  const Json& object = At(row, "object");
  if (!event.empty()) cells.push_back(fmt::format("{:<8}", event));
  if (options_.with_namespace) cells.push_back(NamespaceOf(object));
  const Json& values = At(row, "cells");
  // Cells without a column, as IPAddresses have, are not shown.
  for (size_t i = 0; i < std::min(values.size(), columns_.size()); ++i) {
    const Json& column = columns_[i];
    if (IntAt(column, "priority") != 0 && !options_.wide) continue;
    const bool is_name = !options_.name_prefix.empty() && Lower(TextAt(column, "name")) == "name";
    cells.push_back((is_name ? options_.name_prefix : "") + CellText(values[i]));
  }
  const Json& labels = At(object, "metadata", "labels");
  for (const std::string& label : options_.label_columns) {
    cells.push_back(TextOf(At(labels, label)));
  }
  if (options_.show_labels) cells.push_back(LabelsCell(labels));
  writer_.Write(Join(cells, "\t") + "\n");
}

Result<> SortByPath(const std::string& path, std::vector<Json>& items, bool rows) {
  if (items.size() < (rows ? 2 : 1)) return {};
  const std::string text = TRY(RelaxedPath(path));
  const JsonPath parsed = TRY(JsonPath::Parse(text));
  struct Keyed {
    std::optional<Json> key;
    size_t index;
  };
  std::vector<Keyed> keys;
  bool any = false;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto found = TRY(parsed.Find(rows ? At(items[i], "object") : items[i]));
    any |= !found.empty();
    keys.push_back({found.empty() ? std::nullopt : std::optional<Json>(*found[0]), i});
  }
  const auto odd = std::find_if(keys.begin(), keys.end(), [](const Keyed& each) {
    return each.key && each.key->is_structured();
  });
  if (odd != keys.end() && items.size() > 1) {
    return Fail(Reason::kInvalid,
                fmt::format("Field {} is an unsortable type: {}", text,
                            odd->key->is_array() ? "[]interface {}" : "map[string]interface {}"));
  }
  if (!any) {
    return CliError(
        fmt::format("couldn't find any field with path \"{}\" in the list of objects", text));
  }
  std::stable_sort(keys.begin(), keys.end(), [](const Keyed& a, const Keyed& b) {
    // kubectl takes one without the field for less than another such: their order is turned around.
    if (!a.key && !b.key) return a.index > b.index;
    if (!a.key || !b.key) return !a.key;
    return ValueLess(*a.key, *b.key);
  });
  std::vector<Json> sorted;
  for (const Keyed& key : keys) sorted.push_back(std::move(items[key.index]));
  items = std::move(sorted);
  return {};
}

}  // namespace skiff::cli
