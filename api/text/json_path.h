// kubectl's JSONPath templates: text with expressions in braces.
//
//   {.items[*].metadata.name}   {range .items[*]}{.kind}{"\n"}{end}   {.a['b','c']}   {..image}
//   {.items[?(@.status.phase=="Running")].spec.nodeName}   {.list[0:4:2]}   {.list[-1]}
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff {

class JsonPath {
 public:
  // Fails with Go's text: "unclosed action".
  static Result<JsonPath> Parse(std::string_view text);
  // The template with its expressions replaced. Missing members are empty, or an error.
  Result<std::string> Execute(const Json& document, bool allow_missing = true) const;
  // What all expressions find, in order. The pointers live as long as document and template. Fails
  // when it would look at more than `visits_max` values on the way, each as often as it is looked
  // at, and once more for every 64 bytes of texts that are compared.
  Result<std::vector<const Json*>> Find(const Json& document, bool allow_missing = true,
                                        size_t visits_max = SIZE_MAX) const;

  // The same, by expression.
  Result<std::vector<std::vector<const Json*>>> FindEach(const Json& document,
                                                         bool allow_missing = true) const;

  struct Node;

 private:
  std::vector<std::shared_ptr<const Node>> nodes_;
};

// "metadata.name", ".metadata.name" or "{.metadata.name}" as a template.
Result<std::string> RelaxedPath(const std::string& text);

}  // namespace skiff
