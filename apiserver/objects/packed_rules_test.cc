#include "apiserver/objects/packed_rules.h"

#include <gtest/gtest.h>

#include <random>

namespace skiff {
namespace {

using Labels = std::map<std::string, std::string>;

bool Takes(const PackedRules& rules, const Labels& labels) {
  return rules.MatchesEach([&](auto take) {
    for (const auto& [name, value] : labels) take(name, value);
  });
}

TEST(PackedRules, TakeWhatTheSelectorTakes) {
  std::mt19937 random(7);
  const auto word = [&](int kinds) {
    return std::string(1, static_cast<char>('a' + random() % kinds));
  };
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (unsigned i = random() % 5; i > 0; --i) {
      const std::string key = word(3), value = std::to_string(random() % 4);
      const std::string terms[] = {key,
                                   "!" + key,
                                   key + "=" + value,
                                   key + "!=" + value,
                                   key + ">" + value,
                                   key + "<" + value,
                                   key + " in (" + value + ",1,x)",
                                   key + " notin (" + value + ",x)"};
      text += (text.empty() ? "" : ",") + terms[random() % 8];
    }
    const auto selector = LabelSelector::Parse(text);
    ASSERT_TRUE(selector) << text;
    const PackedRules packed = PackedRules::Of(*selector);
    for (int i = 0; i < 10; ++i) {
      Labels labels;
      for (unsigned j = random() % 4; j > 0; --j) {
        labels[word(3)] = random() % 5 == 0 ? "x" : std::to_string(random() % 5);
      }
      ASSERT_EQ(Takes(packed, labels), selector->Matches(labels)) << text;
    }
  }
}

TEST(PackedRules, WhatSelectsNothingIsNotPackedIntoWhatSelectsEverything) {
  EXPECT_DEATH(PackedRules::Of(LabelSelector::Nothing()), "requirements");
  EXPECT_TRUE(PackedRules::Of(LabelSelector()).empty());
}

TEST(PackedRules, FindEachOfManyKeysAndValues) {
  std::string keys, values;
  for (int i = 0; i < 1000; i += 2) {
    keys += "k" + std::to_string(i) + ",";
    values += "v" + std::to_string(i) + ",";
  }
  const auto rules = PackedRules::Of(
      *LabelSelector::Parse(keys + "some in (" + values + "v0),none notin (" + values + "v0)"));
  EXPECT_EQ(rules.needed(), 501u);
  for (int i = 0; i < 1000; ++i) {
    const bool is_there = i % 2 == 0;
    const std::string number = std::to_string(i);
    EXPECT_EQ(rules.Find("k" + number).has_value(), is_there) << i;
    EXPECT_EQ(rules.Find("some")->Takes("v" + number), is_there) << i;
    EXPECT_EQ(rules.Find("none")->Takes("v" + number), !is_there) << i;
  }
  EXPECT_FALSE(rules.Find(""));
  EXPECT_FALSE(rules.Find("zzz"));
  EXPECT_FALSE(PackedRules().Find("a"));
}

TEST(PackedRules, OfFieldsAreThoseOfTheTerms) {
  const auto rules =
      PackedRules::Of(*FieldSelector::Parse("a=1,b!=2,b!=3,c=1,c=2,d="));
  const auto takes = [&](std::string_view field, std::string_view value) {
    bool taken = true;
    rules.All([&](std::string_view key, const PackedRules::Rule& rule) {
      if (key == field) taken = rule.Takes(value);
      return true;
    });
    return taken;
  };
  EXPECT_TRUE(takes("a", "1") && !takes("a", "2") && !takes("a", ""));
  EXPECT_TRUE(takes("b", "1") && !takes("b", "2") && !takes("b", "3") && takes("b", ""));
  EXPECT_TRUE(!takes("c", "1") && !takes("c", "2"));
  EXPECT_TRUE(takes("d", "") && !takes("d", "1"));
}

// Parsed, these take thirty times their text.
TEST(PackedRules, HoldLittleMoreThanTheText) {
  std::string same, different, values;
  for (int i = 0; i < 200'000; ++i) {
    const std::string name = {static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26 % 26),
                              static_cast<char>('a' + i / 676 % 26),
                              static_cast<char>('a' + i / 17576 % 26)};
    same += "a,";
    different += name + ",";
    values += name + ",";
  }
  for (const std::string& text : {same + "a", different + "a", "k in (" + values + "a)"}) {
    const PackedRules rules = PackedRules::Of(*LabelSelector::Parse(text));
    EXPECT_LT(rules.BytesHeld(), 2 * text.size()) << text.substr(0, 20);
  }
  std::string fields;
  for (int i = 0; i < 60'000; ++i) fields += "metadata.name!=a" + std::to_string(i) + ",";
  EXPECT_LT(PackedRules::Of(*FieldSelector::Parse(fields)).BytesHeld(), fields.size());
}

}  // namespace
}  // namespace skiff
