#include "api/rules/identity/rule_coverage.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "api/text/go_text.h"

namespace skiff {
namespace {

using rbac_v1::PolicyRule;
using StringList = std::vector<std::string>;

using Ids = std::vector<uint32_t>;  // Of held rules, ascending.

constexpr const char* kAny = "*";

// One right: a verb on a resource (of one name) or a path.
struct Right {
  std::string_view group, resource, name, path, verb;
};

// Gathers what is missing, until there is too much of it.
class Gatherer {
 public:
  explicit Gatherer(const CoverageLimits& limits) : limits_(limits) {}

  // False: enough.
  bool Spend(size_t steps) {
    steps_ += steps;
    missing_.complete = missing_.complete && steps_ <= limits_.steps_max;
    return missing_.complete;
  }
  void Add(const Right& right, bool is_resource, bool has_name) {
    bytes_ += right.verb.size() + 1;
    const std::tuple key(right.group, right.resource, has_name, right.name);
    const auto place = is_resource ? places_.find(key) : places_.end();
    const bool is_new = place == places_.end();
    if (is_new) {
      bytes_ += right.group.size() + right.resource.size() + right.name.size() + right.path.size();
    }
    if (bytes_ > limits_.bytes_max || (is_new && missing_.rules.size() == limits_.rules_max)) {
      missing_.complete = false;
      return;
    }
    if (!is_new) {
      missing_.rules[place->second].verbs.emplace_back(right.verb);
      return;
    }
    if (is_resource) places_.emplace(key, missing_.rules.size());
    PolicyRule& rule = missing_.rules.emplace_back();
    rule.verbs = {std::string(right.verb)};
    if (!is_resource) {
      rule.non_resource_urls = {std::string(right.path)};
      return;
    }
    rule.api_groups = {std::string(right.group)};
    rule.resources = {std::string(right.resource)};
    if (has_name) rule.resource_names = {std::string(right.name)};
  }
  MissingRights Take() { return std::move(missing_); }

 private:
  const CoverageLimits limits_;
  size_t steps_ = 0;
  size_t bytes_ = 0;
  MissingRights missing_;
  // Where the rule of a resource stands.
  std::map<std::tuple<std::string_view, std::string_view, bool, std::string_view>, size_t> places_;
};

// Which held rules have a word in one of their lists, of the words that will be asked for: who
// holds very many may ask for few.
struct WordIndex {
  Ids any;  // Those that have all words.
  std::map<std::string, Ids, std::less<>> by_word;

  void Expect(std::string_view word) {
    if (!by_word.contains(word)) by_word.emplace(word, Ids());
  }
  void Expect(const StringList& words) {
    for (const std::string& word : words) Expect(std::string_view(word));
  }
  void Add(uint32_t rule, const StringList& words) {
    for (const std::string& word : words) {
      if (word == kAny) Put(any, rule);
      const auto found = by_word.find(word);
      if (found != by_word.end()) Put(found->second, rule);
    }
  }
  void Find(std::string_view word, std::vector<const Ids*>& out) const {
    const auto found = by_word.find(word);
    if (found != by_word.end()) out.push_back(&found->second);
  }
  // Rules come in order; one may say a word twice.
  static void Put(Ids& ids, uint32_t rule) {
    if (ids.empty() || ids.back() != rule) ids.push_back(rule);
  }
};

// "/healthz/*" and the like: what begins so is covered.
struct PathIndex {
  WordIndex exact, prefixes;
  std::set<size_t> lengths;  // Of the prefixes.

  void Add(uint32_t rule, const StringList& paths) {
    exact.Add(rule, paths);
    for (const std::string& path : paths) {
      if (!path.ends_with('*')) continue;
      std::string_view prefix = path;
      while (prefix.ends_with('*')) prefix.remove_suffix(1);
      WordIndex::Put(prefixes.by_word[std::string(prefix)], rule);
      lengths.insert(prefix.size());
    }
  }
  void Find(std::string_view path, std::vector<const Ids*>& out) const {
    exact.Find(path, out);
    for (const size_t length : lengths) {
      if (length > path.size()) break;
      prefixes.Find(path.substr(0, length), out);
    }
  }
};

// "*/scale" covers that subresource of everything: "" of what is no subresource.
std::string OfEverything(std::string_view resource) {
  const size_t slash = resource.find('/');
  return slash == resource.npos ? "" : "*" + std::string(resource.substr(slash));
}

// Finding one among those that are asked for takes as long as so many steps of the walk.
constexpr size_t kStepsAWord = 16;

size_t WordsIn(const PolicyRule& rule) {
  return 1 + rule.api_groups.size() + rule.resources.size() + rule.verbs.size() +
         rule.resource_names.size() + rule.non_resource_urls.size();
}

struct HeldIndex {
  WordIndex groups, resources, names, verbs;
  PathIndex paths;
  bool has_all_resources = false;

  // Ends early where there is too much of it, which the gatherer knows then.
  HeldIndex(const std::vector<const PolicyRule*>& held, const PolicyRules& wanted,
            Gatherer& gatherer) {
    has_all_resources = std::any_of(held.begin(), held.end(),
                                    [](const PolicyRule* rule) { return IsForAll(*rule); });
    for (const PolicyRule& rule : wanted) Expect(rule);
    for (uint32_t i = 0; i < held.size(); ++i) {
      if (!gatherer.Spend(kStepsAWord * WordsIn(*held[i]))) return;
      Add(i, *held[i]);
    }
  }

 private:
  void Expect(const PolicyRule& rule) {
    groups.Expect(rule.api_groups);
    resources.Expect(rule.resources);
    for (const std::string& resource : rule.resources) {
      const std::string all = OfEverything(resource);
      if (!all.empty()) resources.Expect(std::string_view(all));
    }
    names.Expect(rule.resource_names);
    verbs.Expect(rule.verbs);
    paths.exact.Expect(rule.non_resource_urls);
  }
  void Add(uint32_t i, const PolicyRule& rule) {
    verbs.Add(i, rule.verbs);
    paths.Add(i, rule.non_resource_urls);
    if (has_all_resources) return;
    groups.Add(i, rule.api_groups);
    resources.Add(i, rule.resources);
    if (rule.resource_names.empty()) names.any.push_back(i);
    // A name "*" is a name.
    for (const std::string& name : rule.resource_names) {
      const auto found = names.by_word.find(name);
      if (found != names.by_word.end()) WordIndex::Put(found->second, i);
    }
  }
  static bool IsForAll(const PolicyRule& rule) {
    return rule.resource_names.empty() && Has(rule.api_groups) && Has(rule.resources) &&
           Has(rule.verbs);
  }
  static bool Has(const StringList& words) {
    return std::find(words.begin(), words.end(), kAny) != words.end();
  }
};

// Goes through the rights of one rule, a list of words after the other: of the held rules only
// those go on that cover the word. Words that leave the same held rules have the same rights below
// them, which are looked at once if they are covered.
class Walk {
 public:
  struct Level {
    const StringList& words;
    const Ids* any;  // Rules that cover whatever the word is; may be null.
    std::function<void(std::string_view word, std::vector<const Ids*>& out)> find;
    std::string_view Right::*part;
  };

  Walk(std::vector<Level> levels, std::function<void(const Right&)> add_missing,
       Gatherer& gatherer)
      : levels_(std::move(levels)), add_missing_(std::move(add_missing)), gatherer_(gatherer) {}

  void Run() {
    for (const Level& level : levels_) {
      if (level.words.empty()) return;
    }
    IsCovered(0, nullptr);
  }

 private:
  // `rules`: those that cover the words chosen so far; null: all of them.
  bool IsCovered(size_t depth, const Ids* rules) {
    if (depth == levels_.size()) {
      if (rules->empty()) add_missing_(right_);
      return !rules->empty();
    }
    const Level& level = levels_[depth];
    std::set<Ids> covered;
    bool all = true;
    for (const std::string& word : level.words) {
      Ids left = Narrow(level, word, rules);
      if (!gatherer_.Spend(1 + left.size() + (rules != nullptr ? rules->size() : 0))) return false;
      if (covered.contains(left)) continue;
      right_.*level.part = word;
      if (IsCovered(depth + 1, &left)) {
        covered.insert(std::move(left));
      } else {
        all = false;
      }
    }
    return all;
  }

  static Ids Narrow(const Level& level, std::string_view word, const Ids* rules) {
    if (rules != nullptr && rules->empty()) return {};
    std::vector<const Ids*> lists;
    if (level.any != nullptr) lists.push_back(level.any);
    level.find(word, lists);
    Ids out;
    if (rules == nullptr) {
      for (const Ids* list : lists) out.insert(out.end(), list->begin(), list->end());
      if (!std::is_sorted(out.begin(), out.end())) std::sort(out.begin(), out.end());
      out.erase(std::unique(out.begin(), out.end()), out.end());
      return out;
    }
    std::copy_if(rules->begin(), rules->end(), std::back_inserter(out), [&](uint32_t rule) {
      return std::any_of(lists.begin(), lists.end(), [&](const Ids* list) {
        return std::binary_search(list->begin(), list->end(), rule);
      });
    });
    return out;
  }

  const std::vector<Level> levels_;
  const std::function<void(const Right&)> add_missing_;
  Gatherer& gatherer_;
  Right right_;
};

void WalkResources(const HeldIndex& held, const PolicyRule& rule, Gatherer& gatherer) {
  if (held.has_all_resources) return;
  static const StringList kNoName = {""};
  const bool has_names = !rule.resource_names.empty();
  const auto words_of = [](const WordIndex& index) {
    return [&index](std::string_view word, std::vector<const Ids*>& out) { index.Find(word, out); };
  };
  const auto resource = [&](std::string_view word, std::vector<const Ids*>& out) {
    held.resources.Find(word, out);
    const std::string all = OfEverything(word);
    if (!all.empty()) held.resources.Find(all, out);
  };
  const auto name = [&](std::string_view word, std::vector<const Ids*>& out) {
    if (has_names) held.names.Find(word, out);
  };
  Walk({{rule.api_groups, &held.groups.any, words_of(held.groups), &Right::group},
        {rule.resources, &held.resources.any, resource, &Right::resource},
        {has_names ? rule.resource_names : kNoName, &held.names.any, name, &Right::name},
        {rule.verbs, &held.verbs.any, words_of(held.verbs), &Right::verb}},
       [&](const Right& right) { gatherer.Add(right, true, has_names); }, gatherer)
      .Run();
}

void WalkPaths(const HeldIndex& held, const PolicyRule& rule, Gatherer& gatherer) {
  const auto path = [&](std::string_view word, std::vector<const Ids*>& out) {
    held.paths.Find(word, out);
  };
  const auto verb = [&](std::string_view word, std::vector<const Ids*>& out) {
    held.verbs.Find(word, out);
  };
  Walk({{rule.non_resource_urls, nullptr, path, &Right::path},
        {rule.verbs, &held.verbs.any, verb, &Right::verb}},
       [&](const Right& right) { gatherer.Add(right, false, false); }, gatherer)
      .Run();
}

}  // namespace

MissingRights FindMissingRights(const std::vector<const PolicyRule*>& held,
                                const PolicyRules& wanted, const CoverageLimits& limits) {
  Gatherer gatherer(limits);
  const HeldIndex index(held, wanted, gatherer);
  for (const PolicyRule& rule : wanted) {
    if (!gatherer.Spend(1)) break;
    WalkResources(index, rule, gatherer);
    WalkPaths(index, rule, gatherer);
  }
  return gatherer.Take();
}

std::string QuotedList(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& item : list) text += (text.size() > 1 ? " " : "") + GoQuote(item);
  return text + "]";
}

std::string RuleText(const PolicyRule& rule) {
  std::string text;
  const auto add = [&](const char* name, const StringList& list) {
    if (list.empty()) return;
    text.append(text.empty() ? "" : ", ").append(name).append(":").append(QuotedList(list));
  };
  add("APIGroups", rule.api_groups);
  add("Resources", rule.resources);
  add("NonResourceURLs", rule.non_resource_urls);
  add("ResourceNames", rule.resource_names);
  add("Verbs", rule.verbs);
  return "{" + text + "}";
}

}  // namespace skiff
