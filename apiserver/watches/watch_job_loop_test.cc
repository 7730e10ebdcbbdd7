#include "apiserver/watches/watch_job_loop.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(WatchJobLoop, GivesEachOwnerATurn) {
  WatchJobLoop loop;
  std::string done;
  const auto job = [&](char name) { return [&done, name] { done += name; }; };
  for (const char name : {'a', 'b', 'c', 'd'}) loop.Submit("greedy", job(name));
  loop.Submit("modest", job('x'));
  loop.Submit("other", job('y'));
  loop.Submit("modest", job('z'));
  while (loop.Step() != kNever) {
  }
  EXPECT_EQ(done, "axybzcd");
  loop.Submit("greedy", job('e'));
  EXPECT_EQ(loop.Step(), Duration::zero());
  EXPECT_EQ(done, "axybzcde") << "who had nothing left begins anew";
}

}  // namespace
}  // namespace skiff
