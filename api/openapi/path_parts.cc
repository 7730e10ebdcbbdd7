#include "api/openapi/path_parts.h"

#include <algorithm>

#include "base/text.h"

namespace skiff::openapi {

std::string MetaDefinition(std::string_view type) {
  return std::string(kMetaPrefix) + std::string(type);
}

std::string Capital(std::string_view word) {
  std::string out(word);
  if (!out.empty() && IsLower(out[0])) out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

std::string IdPart(std::string_view text, bool capital) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (!IsLetter(c) && c != '_' && (at == 0 || !IsDigit(c))) {
      capital = true;
      continue;
    }
    out += capital ? Capital(std::string_view(&c, 1)) : std::string(1, c);
    capital = false;
  }
  return out;
}

std::string_view GroupInIds(std::string_view group) {
  constexpr std::string_view kOfKubernetes = ".k8s.io";
  if (group.empty()) return "core";
  if (group.ends_with(kOfKubernetes)) group.remove_suffix(kOfKubernetes.size());
  return group;
}

void SortByName(std::vector<Parameter>& parameters) {
  std::stable_sort(parameters.begin(), parameters.end(), [](const auto& a, const auto& b) {
    return a.name != b.name ? a.name < b.name : a.in_path > b.in_path;
  });
}

Path MakePath(std::string path, std::vector<Operation> operations, bool named) {
  std::vector<Parameter> common = {kPretty};
  if (operations.size() == 1) {
    auto& own = operations[0].parameters;
    common.insert(common.end(), own.begin(), own.end());
    own.clear();
  }
  if (named) common.push_back(kName);
  if (path.find("{namespace}") != std::string::npos) common.push_back(kNamespace);
  SortByName(common);
  return {std::move(path), std::move(common), std::move(operations)};
}

}  // namespace skiff::openapi
