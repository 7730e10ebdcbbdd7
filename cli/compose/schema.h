// What may stand in a compose file, and what of it no object of Kubernetes can say: one table, from
// which a file is checked and from which it is told what is not carried over. A key that is in the
// table without a reason is carried over, or noted by who converts it (convert.h).
#pragma once

#include <string>
#include <string_view>

#include "cli/compose/mistakes.h"
#include "cli/compose/node.h"

namespace skiff::cli::compose {

struct Shape;
struct Key {
  std::string_view name;
  const Shape* shape;
  const char* why_not = nullptr;  // Why it is not carried over.
};

// What a value may be: one or several of these.
inline constexpr unsigned kNullForm = 1;
inline constexpr unsigned kTextForm = 2;
inline constexpr unsigned kNumberForm = 4;  // Or a text that reads as one: of a variable.
inline constexpr unsigned kBoolForm = 8;    // Likewise.
inline constexpr unsigned kListForm = 16;
inline constexpr unsigned kMapForm = 32;

struct Shape {
  unsigned forms;
  const Key* keys = nullptr;  // Of a map: what it may have, beside x-... . Else any name.
  size_t key_count = 0;
  const Shape* any_key = nullptr;  // What stands under any name, unless `keys` has it.
  const Shape* item = nullptr;     // Of a list.
};

const Shape& FileShape();
const Shape& ServiceShape();
const Key* FindKey(const Shape& shape, std::string_view name);

// Tells of every key that is unknown and every value that is of no form it may have. What is left
// holds against the shape: such values are made `told`, or of a list taken out, and so is what an
// unknown key seems to mean.
void CheckShape(Node& node, const Shape& shape, const std::string& path, Mistakes& wrong);
// What the node says that is not carried over; for a service, "services.web".
void NoteUncarried(const Node& node, const Shape& shape, const std::string& path, Notes& notes);

}  // namespace skiff::cli::compose
