#include "cli/compose/merge.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/codec/json.h"
#include "cli/compose/canonical.h"

namespace skiff::cli::compose {
namespace {

Json JsonOf(const Node& node) {
  if (node.IsScalar()) return node.value;
  Json json;
  if (node.IsList()) json = Json::array();
  if (node.IsMap()) json = Json::object();
  for (const Node& item : node.items) json.push_back(JsonOf(item));
  for (const Member& member : node.members) json[member.key] = JsonOf(member.node);
  return json;
}

// The service `web` of the files merged; their services are said in flow style.
std::string Merged(const std::vector<std::string>& files) {
  const Surroundings around{"/shop", "/home/me", [](const std::string&) { return std::nullopt; }};
  Node root = MapNode({});
  for (const std::string& service : files) {
    auto nodes = ParseNodes("f", "services: {web: " + service + "}");
    EXPECT_TRUE(nodes) << service;
    Mistakes wrong;
    MakeCanonical((*nodes)[0], around, wrong);
    EXPECT_TRUE(wrong.empty()) << service;
    Merge(root, std::move((*nodes)[0]), "", wrong);
    if (!wrong.empty()) return wrong.Told().error().message;
  }
  DropReset(root);
  return DumpJson(JsonOf(root["services"]["web"]));
}

std::string Merged(const std::string& base, const std::string& other) {
  return Merged(std::vector<std::string>{base, other});
}

TEST(MergeTest, ScalarsAreReplacedAndMapsJoined) {
  EXPECT_EQ(Merged("{image: a, tty: true}", "{image: b}"), R"({"image":"b","tty":true})");
  EXPECT_EQ(Merged("{environment: {A: 1, B: 2}}", "{environment: [B=3, C=4]}"),
            R"({"environment":{"A":1,"B":"3","C":"4"}})");
  EXPECT_EQ(Merged("{image: a}", "{image: null}"), R"({"image":"a"})");
}

TEST(MergeTest, ListsAreAppendedButCommandsReplaced) {
  EXPECT_EQ(Merged("{command: [a, b], entrypoint: x}", "{command: c, entrypoint: [y]}"),
            R"({"command":"c","entrypoint":["y"]})");
  EXPECT_EQ(Merged("{healthcheck: {test: [CMD, a], retries: 2}}", "{healthcheck: {test: b}}"),
            R"({"healthcheck":{"retries":2,"test":"b"}})");
  EXPECT_EQ(Merged("{expose: ['1', '2'], dns: 1.1.1.1}", "{expose: ['2', '3'], dns: [8.8.8.8]}"),
            R"({"dns":["1.1.1.1","8.8.8.8"],"expose":["1","2","3"]})");
}

TEST(MergeTest, PortsAndMountsAreKnownByWhatTheyAreAt) {
  EXPECT_EQ(Merged("{tmpfs: ['/run:size=64m', /a]}", "{tmpfs: ['/run:size=64m,mode=700', /a, /b]}"),
            R"({"tmpfs":["/run:size=64m,mode=700","/a","/b"]})");
  EXPECT_EQ(Merged("{ports: ['80:80']}", "{ports: ['80:80', '81:80']}"),
            R"({"ports":[{"protocol":"tcp","published":"80","target":"80"},)"
            R"({"protocol":"tcp","published":"81","target":"80"}]})");
  EXPECT_EQ(Merged("{volumes: ['a:/x', 'b:/y']}", "{volumes: ['c:/x:ro']}"),
            R"({"volumes":[{"read_only":"true","source":"c","target":"/x","type":"volume"},)"
            R"({"source":"b","target":"/y","type":"volume"}]})");
}

TEST(MergeTest, ResetTakesAwayAndOverrideReplaces) {
  EXPECT_EQ(Merged("{image: a, ports: ['80:80']}", "{ports: !reset []}"), R"({"image":"a"})");
  EXPECT_EQ(Merged("{expose: ['1']}", "{expose: !override ['2']}"), R"({"expose":["2"]})");
  EXPECT_EQ(Merged("{environment: {A: 1, B: 2}}", "{environment: {A: !reset null}}"),
            R"({"environment":{"B":2}})");
}

TEST(MergeTest, WhatWasTakenAwayIsThereAgainWhenALaterFileSaysIt) {
  EXPECT_EQ(Merged({"{ports: ['80:80']}", "{ports: !reset []}", "{ports: ['81:81']}"}),
            R"({"ports":[{"protocol":"tcp","published":"81","target":"81"}]})");
  EXPECT_EQ(Merged({"{labels: {a: b}}", "{labels: !reset {}}", "{labels: {c: d}}"}),
            R"({"labels":{"c":"d"}})");
  EXPECT_EQ(Merged({"{ulimits: {nofile: 1}}", "{ulimits: !reset null}", "{image: x}"}),
            R"({"image":"x"})");
}

TEST(MergeTest, PairsOfABuildAreMergedInWhateverFormTheyAreSaid) {
  EXPECT_EQ(
      Merged("{build: {args: {A: 1}, labels: [a=b]}}", "{build: {args: [B=2], labels: {c: d}}}"),
      R"({"build":{"args":{"A":1,"B":"2"},"labels":{"a":"b","c":"d"}}})");
}

TEST(MergeTest, ALoggerOfAnotherDriverHasItsOwnOptions) {
  EXPECT_EQ(Merged("{logging: {driver: a, options: {x: 1}}}", "{logging: {driver: b}}"),
            R"({"logging":{"driver":"b"}})");
}

TEST(MergeTest, ALimitMayBecomeTwo) {
  EXPECT_EQ(Merged("{ulimits: {nofile: 1, nproc: {soft: 1, hard: 2}}}",
                   "{ulimits: {nofile: {soft: 3, hard: 4}, nproc: 5}}"),
            R"({"ulimits":{"nofile":{"hard":4,"soft":3},"nproc":5}})");
}

TEST(MergeTest, OtherFormsAreRefused) {
  EXPECT_EQ(Merged("{labels: {a: b}}", "{labels: x}"),
            "f:1: services.web.labels: cannot override a mapping by a single value");
}

}  // namespace
}  // namespace skiff::cli::compose
