#include "api/openapi/texts.h"

#include <algorithm>

namespace skiff {
namespace {

// The n-th text of a type, of which the first is its own.
std::string_view TextOfType(const Type& type, size_t n) {
  const auto types = BuiltInTypes();
  const auto found = std::find(types.begin(), types.end(), &type);
  if (found == types.end()) return "";
  const Texts& texts = BuiltInTexts();
  const auto index = static_cast<size_t>(found - types.begin());
  const size_t text = texts.first[index] + n;
  if (text >= texts.first[index + 1]) return "";
  const size_t begin = text == 0 ? 0 : texts.ends[text - 1];
  return texts.all.substr(begin, texts.ends[text] - begin);
}

}  // namespace

std::string_view TextOf(const Type& type) {
  return TextOfType(type, 0);
}

std::string_view TextOf(const Type& type, const Field& field) {
  return TextOfType(type, 1 + static_cast<size_t>(&field - type.fields.data()));
}

}  // namespace skiff
