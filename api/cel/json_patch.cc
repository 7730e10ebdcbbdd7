// What helps to write JSON patches.
#include <array>

#include "api/cel/libraries.h"

namespace skiff::cel {
namespace {

// A key of an object, as it stands in a path.
Value EscapeKey(std::span<const Value> args) {
  std::string escaped;
  for (const char c : args[0].text()) {
    if (c == '/' || c == '~') {
      escaped += c == '/' ? "~1" : "~0";
    } else {
      escaped += c;
    }
  }
  return Value::String(std::move(escaped));
}

constexpr std::array kPatches = {
    Declaration{"jsonpatch.escapeKey", "(string) -> string", EscapeKey, CostRule::kTraverse}};

}  // namespace

void AddPatchFunctions(FunctionTable& table) {
  table.Add(kPatches);
}

}  // namespace skiff::cel
