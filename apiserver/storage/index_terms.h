// By what records are found without all of them being read: that a label, or one of some fields,
// has a value. A term is a hash: what is found by it is asked once more.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace skiff {

using IndexTerm = uint64_t;

IndexTerm LabelIndexTerm(std::string_view name, std::string_view value);
// nullopt: records are not found by this field, since few of its values tell much.
std::optional<IndexTerm> FieldIndexTerm(std::string_view field, std::string_view value);

// Of a stored value (record_header.h): in order, each once. nullopt: of what is no object, or of
// one with more than kIndexTermsMax, nobody knows them.
inline constexpr size_t kIndexTermsMax = 128;
std::optional<std::vector<IndexTerm>> IndexTermsOf(std::string_view value);

}  // namespace skiff
