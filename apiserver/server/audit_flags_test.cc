#include "apiserver/server/audit_flags.h"

#include <gtest/gtest.h>

#include <fstream>

#include "apiserver/server/program.h"

namespace skiff {
namespace {

std::string ErrorOf(std::vector<std::string> args) {
  args.push_back("--data-dir=/nowhere");
  const auto flags = ParseApiServerFlags(args);
  return flags ? "" : flags.error().message;
}

TEST(AuditFlagsTest, WhatCannotBeIsRefused) {
  const std::string path = "--audit-log-path=/nowhere/audit.log";
  EXPECT_EQ(ErrorOf({path, "--audit-log-maxage=-1"}),
            "--audit-log-maxage -1 can't be a negative number");
  EXPECT_EQ(ErrorOf({path, "--audit-log-format=xml"}),
            "invalid audit log format xml, allowed formats are \"legacy,json\"");
  EXPECT_EQ(ErrorOf({path, "--audit-log-mode=x"}),
            "invalid audit log mode x, allowed modes are \"batch,blocking,blocking-strict\"");
  EXPECT_NE(ErrorOf({path, "--audit-log-mode=blocking-strict"}), "");
  EXPECT_NE(ErrorOf({path, "--audit-log-compress=true"}), "");
  EXPECT_NE(ErrorOf({"--audit-webhook-config-file=/x"}), "");
  EXPECT_EQ(ErrorOf({path, "--audit-log-mode=batch", "--audit-log-compress=false",
                     "--audit-log-version=audit.k8s.io/v1", "--audit-webhook-mode=batch"}),
            "");
}

TEST(AuditFlagsTest, OneHalfOfItIsNothingAndIsSaid) {
  AuditFlags flags;
  std::vector<std::string> notes;
  flags.log.path = "/nowhere/audit.log";
  ASSERT_TRUE(CheckAuditFlags(flags, notes));
  EXPECT_EQ(notes, std::vector<std::string>({"No audit policy file provided, no events will be "
                                             "recorded for log backend"}));
  EXPECT_FALSE(AuditOptionsOf(flags, notes).value().has_value());
  flags.policy_file = "/nowhere/policy";
  EXPECT_TRUE(AuditOptionsOf(flags, notes)
                  .error()
                  .message.starts_with(
                      "loading audit policy file: failed to read file path \"/nowhere/policy\": "));
  // It is judged all the same.
  flags.log.path.clear();
  flags.policy_file = ::testing::TempDir() + "audit_policy.yaml";
  std::ofstream(flags.policy_file) << "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n";
  EXPECT_EQ(AuditOptionsOf(flags, notes).error().message,
            "loading audit policy file: loaded illegal policy with 0 rules: from file " +
                flags.policy_file);
  notes.clear();
  std::ofstream(flags.policy_file)
      << "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, user: [x]}]\n";
  EXPECT_FALSE(AuditOptionsOf(flags, notes).value().has_value());
  EXPECT_EQ(notes, std::vector<std::string>({"audit policy: unknown field \"rules[0].user\""}));
}

}  // namespace
}  // namespace skiff
