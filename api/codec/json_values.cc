#include "api/codec/json_values.h"

namespace skiff {
namespace {

// Where the string ends that begins at `at`: behind its closing quotation mark.
size_t EndOfString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

size_t JsonValuesIn(std::string_view text) {
  size_t values = 1;
  bool entered = false;  // An object or array, of which nothing has been seen yet.
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (IsSpace(c)) {
      ++at;
      continue;
    }
    if (entered && c != '}' && c != ']') ++values;
    entered = c == '{' || c == '[';
    if (c == ',') ++values;
    at = c == '"' ? EndOfString(text, at) : at + 1;
  }
  return values;
}

}  // namespace skiff
