// The contract, checked by random operations against a model: the state after every revision, in
// plain maps.
#include <fmt/format.h>

#include <map>
#include <random>

#include "apiserver/storage/store_contract.h"

namespace skiff {
namespace {

using State = std::map<std::string, std::string>;
using Kind = Precondition::Kind;

class Model {
 public:
  uint64_t current() const { return states_.size() - 1; }
  const State& At(uint64_t revision) const { return states_[revision]; }
  const State& Now() const { return states_.back(); }

  void Apply(const std::string& key, const std::optional<std::string>& value) {
    State next = Now();
    events_.push_back(fmt::format("{}{}={}@{}", value ? '+' : '-', key, value ? *value : next[key],
                                  states_.size()));
    if (value) {
      next[key] = *value;
    } else {
      next.erase(key);
    }
    states_.push_back(std::move(next));
  }

  std::string EventsAfter(uint64_t revision) const {
    std::string text;
    for (size_t i = revision - 1; i < events_.size(); ++i) {
      text += (text.empty() ? "" : " ") + events_[i];
    }
    return text;
  }

 private:
  std::vector<State> states_ = std::vector<State>(2);  // By revision; an empty store stands at 1.
  std::vector<std::string> events_;                    // The first is of revision 2.
};

class ModelCheck {
 public:
  explicit ModelCheck(Store& store) : store_(store) {}

  // One random operation, with its assertions.
  void Step() {
    ASSERT_EQ(store_.Current().value, model_.current());
    const std::string key = fmt::format("/k/{:02}", Below(30));
    const uint64_t at = compacted_ + Below(model_.current() - compacted_ + 1);
    switch (Below(10)) {
      case 0:
        return DoDelete(key);
      case 1:
        return DoCreate(key);
      case 2:
        return CheckGet(key, at);
      case 3:
        return CheckPage(key, at);
      case 4:
        return CheckWatch(at);
      case 5:
        return DoCompact(at);
      default:
        return DoPut(key);
    }
  }

  static constexpr uint64_t kSeed = 20260731;

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  void DoPut(const std::string& key) {
    const std::string value = std::to_string(Below(1'000'000));
    ASSERT_TRUE(store_.Apply({.key = key, .value = value}));
    model_.Apply(key, value);
  }

  void DoDelete(const std::string& key) {
    const auto result = store_.Apply({.key = key});
    ASSERT_EQ(result.has_value(), model_.Now().contains(key));
    if (result) model_.Apply(key, std::nullopt);
  }

  void DoCreate(const std::string& key) {
    const auto result =
        store_.Apply({.key = key, .expect = {.kind = Kind::kAbsent}, .value = "new"});
    ASSERT_EQ(result.has_value(), !model_.Now().contains(key));
    if (result) model_.Apply(key, "new");
  }

  void CheckGet(const std::string& key, uint64_t at) {
    const auto record = store_.Get(key, Revision{at});
    const State& then = model_.At(at);
    ASSERT_EQ(record.has_value(), then.contains(key));
    ASSERT_TRUE(!record || (*record)->value == then.at(key));
  }

  void CheckPage(const std::string& start_after, uint64_t at) {
    const auto page = store_.List({.prefix = "/k/",
                                   .start_after = start_after,
                                   .at = Revision{at},
                                   .limit = 5,
                                   .count_remaining = true});
    ASSERT_TRUE(page);
    const State& then = model_.At(at);
    auto expected = then.upper_bound(start_after);
    for (const auto& record : page->records) {
      ASSERT_NE(expected, then.end());
      ASSERT_EQ(record->key, expected->first);
      ASSERT_EQ(record->value, expected->second);
      ++expected;
    }
    ASSERT_EQ(page->remaining, std::distance(expected, then.end()));
    ASSERT_EQ(page->more, page->remaining > 0);
  }

  void CheckWatch(uint64_t after) {
    auto cursor = store_.Watch("/k/", Revision{after}, nullptr);
    ASSERT_TRUE(cursor);
    ASSERT_EQ(StoreContract::Drain(**cursor, 1 + Below(20)), model_.EventsAfter(after));
  }

  // Seldom, so that there is history to look at.
  void DoCompact(uint64_t at) {
    if (Below(20) != 0) return;
    compacted_ = at;
    ASSERT_TRUE(store_.Compact(Revision{at}));
  }

  Store& store_;
  std::mt19937_64 random_{kSeed};
  Model model_;
  uint64_t compacted_ = 1;
};

TEST_P(StoreContract, AgreesWithAModelOverRandomOperations) {
  ModelCheck check(store());
  for (int step = 0; step < 3000; ++step) {
    SCOPED_TRACE(fmt::format("seed {} step {}", ModelCheck::kSeed, step));
    check.Step();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace skiff
