// Variables in the texts of compose files:
//
//   $NAME ${NAME}              its value; nothing, and a warning, where it is not set
//   ${NAME:-TEXT} ${NAME-TEXT} TEXT where it is not set (":": or empty)
//   ${NAME:?TEXT} ${NAME?TEXT} fails with TEXT there
//   ${NAME:+TEXT} ${NAME+TEXT} TEXT where it is set (":": and not empty), else nothing
//   $$                         a dollar; so is one that neither a name nor a brace follows
//
// A TEXT may hold variables itself. Names are made of ASCII letters, digits and underscores.
#pragma once

#include <functional>
#include <optional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/compose/mistakes.h"
#include "cli/compose/node.h"

namespace skiff::cli::compose {

// Variables in variables may not go deeper.
inline constexpr int kInterpolationDepthMax = 16;
// Nor may what comes out of one text be longer, in bytes, ...
inline constexpr size_t kInterpolatedBytesMax = 1 << 20;
// ... nor of a file.
inline constexpr size_t kInterpolatedFileBytesMax = 8 << 20;

using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

struct Interpolation {
  Lookup lookup;
  // Braces that are no such form stay, as in files of variables; else they are an error.
  bool lenient = false;
  Place at = {};  // Where the text stands.
  std::map<std::string, Place> unset = {};  // The names that nothing stood for, and where first.
};

Result<std::string> Interpolate(std::string_view text, Interpolation& with);
// All texts of a document, but not its keys. Those that are wrong are told of (node.h); fails where
// they come to too much.
Result<> InterpolateTree(Node& node, Interpolation& with, Mistakes& wrong);

}  // namespace skiff::cli::compose
