// Which objects a request means: label selectors ("app=web,tier in (a,b)") and field selectors
// ("spec.nodeName=n1"). Parsing, printing and matching; no I/O. Immutable once made.
//
//   const auto selector = TRY(LabelSelector::Parse("app in (web,db),!old"));
//   selector.Matches(pod.metadata.labels);
//   selector.MatchesBy([&](std::string_view key) { return header.Label(key); });
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/type.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff {

namespace meta_v1 {
struct LabelSelector;
}

enum class LabelOperator : uint8_t {
  kEquals,
  kDoubleEquals,
  kNotEquals,
  kIn,
  kNotIn,
  kExists,
  kDoesNotExist,
  kGreaterThan,
  kLessThan,
};

struct LabelRequirement {
  std::string key;
  LabelOperator op = LabelOperator::kExists;
  std::vector<std::string> values;  // Sorted, each once.

  // Whether an object whose label `key` has this value (or lacks it) fulfils the requirement.
  bool Matches(std::optional<std::string_view> value) const;
  std::string Text() const;
  bool operator==(const LabelRequirement&) const = default;
};

class LabelSelector {
 public:
  // Selects everything.
  LabelSelector() = default;
  static LabelSelector Nothing();
  // Fails with BadRequest and the text a real server answers.
  static Result<LabelSelector> Parse(std::string_view text);
  // Fails on unknown operators and on keys and values that are not those of labels.
  static Result<LabelSelector> From(const meta_v1::LabelSelector& selector);
  // All of these labels; no check of their form. (spec.selector of Services and the like.)
  static LabelSelector FromMap(const std::map<std::string, std::string>& labels);

  bool Matches(const std::map<std::string, std::string>& labels) const;
  // `find` returns the value of a label as std::optional<std::string_view>.
  template <typename Find>
  bool MatchesBy(Find find) const {
    if (nothing_) return false;
    for (const LabelRequirement& requirement : requirements_) {
      if (!requirement.Matches(find(std::string_view(requirement.key)))) return false;
    }
    return true;
  }
  // Whether it selects everything.
  bool empty() const { return !nothing_ && requirements_.empty(); }
  // Kubernetes' canonical text; "" for everything and for nothing.
  std::string Text() const;
  const std::vector<LabelRequirement>& requirements() const { return requirements_; }
  bool operator==(const LabelSelector&) const = default;

 private:
  bool nothing_ = false;
  std::vector<LabelRequirement> requirements_;  // By key.
};

// "a=1,b=2", sorted; "<none>" without labels.
std::string LabelsText(const std::map<std::string, std::string>& labels);
// The canonical text of a selector in an object; "<none>" when it is empty, "<error>" when bad.
std::string LabelSelectorText(const meta_v1::LabelSelector& selector);

// One term, all of which must hold.
struct FieldTerm {
  std::string field;
  std::string value;
  bool equal = true;  // false: "!=".
  bool operator==(const FieldTerm&) const = default;
};

class FieldSelector {
 public:
  // Selects everything.
  FieldSelector() = default;
  // Fails with BadRequest. Fields are as the client wrote them.
  static Result<FieldSelector> Parse(std::string_view text);
  // The same selector with the names of the fields of the stored object ("spec.host" is
  // "spec.nodeName", an events.k8s.io Event's "regarding.kind" is "involvedObject.kind"). Fails
  // with BadRequest on a field that the kind cannot be selected by.
  Result<FieldSelector> For(const KindInfo& kind) const;

  // `find` returns the value of a field as something that compares with a string; "" if absent.
  template <typename Find>
  bool MatchesBy(Find find) const {
    for (const FieldTerm& term : terms_) {
      if ((find(std::string_view(term.field)) == term.value) != term.equal) return false;
    }
    return true;
  }
  bool empty() const { return terms_.empty(); }
  // The value that the field must have, where the selector names one. Lets a list of one name read
  // one key.
  std::optional<std::string_view> Exact(std::string_view field) const;
  // Canonical: values escaped, terms joined by ",".
  std::string Text() const;
  const std::vector<FieldTerm>& terms() const { return terms_; }
  bool operator==(const FieldSelector&) const = default;

 private:
  std::vector<FieldTerm> terms_;  // In the order of their text.
};

// The fields beyond metadata.name and metadata.namespace that objects of a kind can be selected by,
// under the names that FieldSelector::For gives them. Empty for most kinds.
std::vector<std::string_view> SelectableFields(const KindInfo& kind);
// The value that a field has for selection. `object` is a document as it is stored (an Event as
// core/v1); `field` is metadata.name, metadata.namespace or one of SelectableFields.
std::string SelectableValue(const KindInfo& kind, const Json& object, std::string_view field);

}  // namespace skiff
