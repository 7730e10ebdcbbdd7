#include "base/shared_list.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace skiff {
namespace {

// By number alone.
struct Named {
  int number;
  std::string name;
};
struct ByNumber {
  bool operator()(const Named& a, const Named& b) const { return a.number < b.number; }
};
using NamedList = SharedList<Named, ByNumber>;

template <typename List>
auto Whole(const List& list) {
  std::vector<std::pair<int, std::string>> all;
  List rest = list;
  while (const Named* first = rest.FindFirst([](const Named&) { return false; })) {
    all.emplace_back(first->number, first->name);
    rest = rest.Without(*first, [](const Named&) { return true; });
  }
  return all;
}

TEST(SharedListTest, EqualOnesStandInTheOrderInWhichTheyCame) {
  const NamedList list =
      NamedList().With({2, "a"}).With({1, "b"}).With({2, "c"}).With({3, "d"}).With({2, "e"});
  using All = std::vector<std::pair<int, std::string>>;
  EXPECT_EQ(Whole(list), (All{{1, "b"}, {2, "a"}, {2, "c"}, {2, "e"}, {3, "d"}}));
  const auto is_c = [](const Named& each) { return each.name == "c"; };
  EXPECT_EQ(Whole(list.Without({2, ""}, is_c)), (All{{1, "b"}, {2, "a"}, {2, "e"}, {3, "d"}}));
  EXPECT_EQ(Whole(list.Without({3, ""}, is_c)), Whole(list));
  EXPECT_EQ(Whole(list.Without({4, ""}, is_c)), Whole(list));
}

TEST(SharedListTest, HoldsWhatAMapWouldAfterAnyChanges) {
  std::mt19937 random(7);
  SharedList<int> list;
  std::multiset<int> wanted;
  const auto is_any = [](int) { return true; };
  for (int step = 0; step < 20'000; ++step) {
    const int value = static_cast<int>(random() % 1000);
    // Grows first, then shrinks until nothing is left.
    if (step < 8000 ? random() % 3 > 0 : random() % 3 == 0) {
      list = list.With(value);
      wanted.insert(value);
    } else {
      list = list.Without(value, is_any);
      if (const auto at = wanted.find(value); at != wanted.end()) wanted.erase(at);
    }
    const int asked = static_cast<int>(random() % 1000);
    const int* found = list.FindFirst([&](int each) { return each < asked; });
    const auto expected = wanted.lower_bound(asked);
    ASSERT_EQ(found == nullptr, expected == wanted.end()) << step;
    if (found != nullptr) {
      ASSERT_EQ(*found, *expected) << step;
    }
    ASSERT_EQ(list.empty(), wanted.empty());
  }
}

TEST(SharedListTest, AChangeCopiesOnePieceAndLeavesTheOldList) {
  SharedList<int> list;
  for (int i = 0; i < 10'000; ++i) list = list.With(i * 7919 % 10'000);
  const SharedList<int> more = list.With(5000);
  EXPECT_LE(more.PiecesApartFrom(list), 2u);
  EXPECT_GT(list.PiecesApartFrom(SharedList<int>()), 70u);
  const SharedList<int> fewer = list.Without(5000, [](int) { return true; });
  EXPECT_EQ(fewer.PiecesApartFrom(list), 1u);
  const auto is_below = [](int each) { return each < 5000; };
  EXPECT_EQ(*fewer.FindFirst(is_below), 5001);
  EXPECT_EQ(*list.FindFirst(is_below), 5000);
}

}  // namespace
}  // namespace skiff
