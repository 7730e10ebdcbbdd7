#include "apiserver/storage/index_terms.h"

#include <algorithm>
#include <array>
#include <functional>

#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

constexpr std::array<std::string_view, 3> kIndexedFields = {"involvedObject.name",
                                                            "involvedObject.uid", "spec.nodeName"};

IndexTerm Combine(IndexTerm kind, std::string_view name, std::string_view value) {
  constexpr IndexTerm kGolden = 0x9e3779b97f4a7c15;
  const std::hash<std::string_view> hash;
  return ((kind * kGolden) ^ hash(name)) * kGolden + hash(value);
}

}  // namespace

IndexTerm LabelIndexTerm(std::string_view name, std::string_view value) {
  return Combine(1, name, value);
}

std::optional<IndexTerm> FieldIndexTerm(std::string_view field, std::string_view value) {
  if (std::ranges::find(kIndexedFields, field) == kIndexedFields.end()) return std::nullopt;
  return Combine(2, field, value);
}

std::optional<std::vector<IndexTerm>> IndexTermsOf(std::string_view value) {
  const auto view = ObjectView::Of(value);
  if (!view) return std::nullopt;
  std::vector<IndexTerm> terms;
  view->ForEachLabel([&](const NamedText& label) {
    if (terms.size() <= kIndexTermsMax) terms.push_back(LabelIndexTerm(label.name, label.value));
  });
  for (const std::string_view field : kIndexedFields) {
    const auto has = view->field(field);
    if (has) terms.push_back(*FieldIndexTerm(field, *has));
  }
  if (terms.size() > kIndexTermsMax) return std::nullopt;
  std::ranges::sort(terms);
  terms.erase(std::ranges::unique(terms).begin(), terms.end());
  return terms;
}

}  // namespace skiff
