#include "cli/why/facts.h"

#include <gtest/gtest.h>

namespace skiff::cli::why {
namespace {

TEST(FactsTest, WhatTheKubeletSaysOfItsNodeAndOfPodsOfFilesIsAboutThem) {
  Facts facts;
  for (const char* uid : {"u1", "hash", "n1", "other"}) {
    Json event;
    event["reason"] = uid;
    event["involvedObject"]["uid"] = uid;
    facts.lists["events"].push_back(std::move(event));
  }
  const auto said_of = [&](const char* object) {
    std::string reasons;
    for (const Json* event : facts.EventsOf(Json::parse(object))) {
      reasons += TextAt(*event, "reason") + " ";
    }
    return reasons;
  };
  EXPECT_EQ(said_of(R"({"kind": "Pod", "metadata": {"name": "n1", "uid": "u1"}})"), "u1 ");
  EXPECT_EQ(said_of(R"({"kind": "Pod", "metadata": {"name": "p", "uid": "u2", "annotations":
                        {"kubernetes.io/config.mirror": "hash"}}})"),
            "hash ");
  EXPECT_EQ(said_of(R"({"kind": "Node", "metadata": {"name": "n1", "uid": "u3"}})"), "n1 ");
}

}  // namespace
}  // namespace skiff::cli::why
