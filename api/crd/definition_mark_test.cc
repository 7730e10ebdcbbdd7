#include "api/crd/definition_mark.h"

#include <gtest/gtest.h>

namespace skiff::crd {
namespace {

constexpr char kText[] = R"({"metadata": {"labels": {"tier": "one"}},
    "spec": {"group": "example.com"}, "status": {"acceptedNames": {"plural": "crons"}}})";
constexpr char kLabelled[] = R"({"metadata": {"labels": {"tier": "two"}},
    "spec": {"group": "example.com"}, "status": {"acceptedNames": {"plural": "crons"}}})";
constexpr char kRenamed[] = R"({"metadata": {"labels": {"tier": "one"}},
    "spec": {"group": "example.com"}, "status": {"acceptedNames": {"plural": "jobs"}}})";
constexpr char kOther[] = R"({"metadata": {"labels": {"tier": "one"}},
    "spec": {"group": "example.org"}, "status": {"acceptedNames": {"plural": "crons"}}})";

TEST(DefinitionMarkTest, SpecAndAcceptedNamesCountAndNothingElse) {
  const DefinitionMark mark(*CutDefinition(kText));
  EXPECT_TRUE(mark.IsOf(1, kLabelled));
  EXPECT_FALSE(mark.IsOf(2, kRenamed));
  EXPECT_FALSE(mark.IsOf(3, kOther));
  EXPECT_FALSE(mark.IsOf(4, "{")) << "what cannot be read says nothing";
}

// Those who watch come to the revisions of a definition one after the other, each through all.
TEST(DefinitionMarkTest, TheAnswersToSeveralRevisionsAreRemembered) {
  const DefinitionMark mark(*CutDefinition(kText));
  for (uint64_t revision = 1; revision <= 16; ++revision) {
    EXPECT_EQ(mark.IsOf(revision, revision % 2 == 0 ? kLabelled : kOther), revision % 2 == 0);
  }
  for (uint64_t revision = 1; revision <= 16; ++revision) {
    EXPECT_EQ(mark.IsOf(revision, "not read again"), revision % 2 == 0) << revision;
  }
}

TEST(DefinitionMarkTest, WhatIsRememberedIsBoundedAndOldRevisionsAreReadAgain) {
  const DefinitionMark mark(*CutDefinition(kText));
  for (uint64_t revision = 1; revision <= 1'000; ++revision) {
    EXPECT_TRUE(mark.IsOf(revision, kText));
  }
  EXPECT_FALSE(mark.IsOf(1, kOther));
  EXPECT_TRUE(mark.IsOf(1'000, kOther));
}

}  // namespace
}  // namespace skiff::crd
