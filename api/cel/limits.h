// What one evaluation may make, whatever its cost: Kubernetes' units count looks, not bytes, so
// that a cheap expression could fill the memory ("%s".format of one long text a thousand times).
#pragma once

#include <cstddef>
#include <cstdint>

namespace skiff::cel {

// Of one text or one list that a function makes; longer: the call fails.
inline constexpr size_t kTextBytesMax = size_t{16} << 20;
inline constexpr size_t kListItemsMax = size_t{2} << 20;
// Of all that one evaluation makes; more: it ends as if its budget were spent.
inline constexpr size_t kMadeBytesMax = size_t{128} << 20;

// So many looks are a unit of cost at least, where Kubernetes counts less: to it two documents of
// three megabytes are as cheap to compare as two that have as many members.
inline constexpr uint64_t kLooksPerUnit = 20;
inline constexpr size_t kTextBytesPerLook = 16;
// What this thread has looked at: values that were compared or printed, and texts that calls were
// given. Whoever evaluates reads it before and after; functions know nothing but their arguments.
inline constinit thread_local uint64_t looks_of_thread = 0;

inline constexpr char kTextTooLong[] = "text is longer than 16777216 bytes";
inline constexpr char kListTooLong[] = "list is longer than 2097152 items";

}  // namespace skiff::cel
