// Which objects a request means: label selectors ("app=web,tier in (a,b)") and field selectors
// ("spec.nodeName=n1"). Parsing, printing and matching; no I/O. Immutable once made.
//
//   const auto selector = TRY(LabelSelector::Parse("app in (web,db),!old"));
//   selector.Matches(pod.metadata.labels);
//   selector.MatchesEach([&](auto take) { view.ForEachLabel(take); });
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

  std::string Text() const;
  bool operator==(const LabelRequirement&) const = default;
};

// What all requirements of a selector together ask of one key. A selector may name a key, and list
// values, by the hundred thousand, and is asked about every object: nothing is searched in a row.
struct LabelRule {
  std::string key;
  bool needed = false;   // The object must have the label.
  bool refused = false;  // It must not.
  std::optional<std::vector<std::string>> allowed;  // Sorted.
  std::vector<std::string> forbidden;               // Sorted.
  std::optional<int64_t> above, below;

  void Add(const LabelRequirement& requirement);
  bool Takes(std::string_view value) const;
  bool operator==(const LabelRule&) const = default;
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
  // `for_each` calls what it is given with the name and the value of each label.
  template <typename ForEach>
  bool MatchesEach(ForEach for_each) const {
    size_t found = 0;
    bool taken = !nothing_;
    for_each([&](std::string_view name, std::string_view value) {
      const LabelRule* rule = taken ? FindRule(name) : nullptr;
      if (rule == nullptr) return;
      taken = rule->Takes(value);
      found += rule->needed;
    });
    return taken && found == needed_;
  }
  // Whether it selects everything.
  bool empty() const { return !nothing_ && requirements_.empty(); }
  // Kubernetes' canonical text; "" for everything and for nothing.
  std::string Text() const;
  const std::vector<LabelRequirement>& requirements() const { return requirements_; }
  bool operator==(const LabelSelector&) const = default;

 private:
  explicit LabelSelector(std::vector<LabelRequirement> requirements);
  const LabelRule* FindRule(std::string_view key) const;

  bool nothing_ = false;
  std::vector<LabelRequirement> requirements_;  // By key.
  std::vector<LabelRule> rules_;                // By key, each once.
  size_t needed_ = 0;                           // Rules whose label must be there.
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

// What all terms of a selector together ask of one field.
struct FieldRule {
  std::string field;
  std::optional<std::string> wanted;
  std::vector<std::string> unwanted;  // Sorted.
  bool impossible = false;            // Two values are wanted at once.

  bool Takes(std::string_view value) const;
  bool operator==(const FieldRule&) const = default;
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

  // `find` returns the value of a field; "" if absent.
  template <typename Find>
  bool MatchesBy(Find find) const {
    for (const FieldRule& rule : rules_) {
      if (!rule.Takes(find(std::string_view(rule.field)))) return false;
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
  explicit FieldSelector(std::vector<FieldTerm> terms);

  std::vector<FieldTerm> terms_;  // In the order of their text.
  std::vector<FieldRule> rules_;  // By field, each once.
};

}  // namespace skiff
