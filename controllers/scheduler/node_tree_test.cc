#include "controllers/scheduler/node_tree.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {
namespace {

class NodeTreeTest : public testing::Test {
 protected:
  const NodeInfo* Node(char name) { return &nodes_[name]; }
  std::string Order() {
    std::string order;
    for (const NodeInfo* node : tree_.List()) {
      for (const auto& [name, info] : nodes_) {
        if (&info == node) order += name;
      }
    }
    return order;
  }
  std::map<char, NodeInfo> nodes_;
  NodeTree tree_;
};

TEST_F(NodeTreeTest, WhoCameFirstIsFirstAndZonesTakeTurns) {
  EXPECT_EQ(Order(), "");
  EXPECT_TRUE(tree_.Set(Node('z'), "south"));
  EXPECT_TRUE(tree_.Set(Node('y'), "south"));
  EXPECT_TRUE(tree_.Set(Node('x'), "north"));
  EXPECT_TRUE(tree_.Set(Node('a'), "south"));
  EXPECT_TRUE(tree_.Set(Node('b'), "east"));
  EXPECT_TRUE(tree_.Set(Node('c'), "north"));
  EXPECT_EQ(Order(), "zxbyca");
}

TEST_F(NodeTreeTest, WhoStaysKeepsItsPlaceAndWhoMovesIsTheLast) {
  for (const char name : {'a', 'b', 'c'}) tree_.Set(Node(name), "east");
  EXPECT_FALSE(tree_.Set(Node('a'), "east"));
  EXPECT_EQ(Order(), "abc");
  EXPECT_TRUE(tree_.Set(Node('a'), "west"));
  EXPECT_EQ(Order(), "bac");
  EXPECT_TRUE(tree_.Set(Node('a'), "east"));
  EXPECT_EQ(Order(), "bca");
}

TEST_F(NodeTreeTest, WhoComesBackIsTheLastAsIsAZone) {
  tree_.Set(Node('a'), "east");
  tree_.Set(Node('b'), "west");
  tree_.Set(Node('c'), "west");
  EXPECT_TRUE(tree_.Remove(Node('b')));
  EXPECT_FALSE(tree_.Remove(Node('b')));
  tree_.Set(Node('b'), "west");
  EXPECT_EQ(Order(), "acb");
  // The last of its zone, which comes back behind the other one.
  tree_.Remove(Node('a'));
  tree_.Set(Node('a'), "east");
  EXPECT_EQ(Order(), "cab");
}

}  // namespace
}  // namespace skiff::scheduler
