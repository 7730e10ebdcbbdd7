// What users of informers must keep to; what they see is tested with whole controllers.
#include "client/informer.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/client.h"
#include "client/transport.h"

namespace skiff {
namespace {

class InformerTest : public testing::Test {
 protected:
  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  SteppedExecutor executor_{clock_, 1};
};
using InformerDeathTest = InformerTest;

TEST_F(InformerTest, TellsEveryHandlerOfWhatIsThereAndOfChanges) {
  int first = 0, second = 0;
  const auto pods = informers_.For<core_v1::Pod>();
  pods.OnChange([&](const auto&, const auto&) { ++first; });
  pods.OnChange([&](const auto&, const auto&) { ++second; });
  const Json pod = {{"metadata", {{"name", "a"}, {"namespace", "default"}, {"uid", "1"}}}};
  pods.cache().Replace({pod}, "1");
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  ASSERT_NE(pods.Get({"default", "a"}), nullptr);
  pods.cache().Replace({}, "2");
  EXPECT_EQ(first, 2);
  EXPECT_EQ(pods.Get({"default", "a"}), nullptr);
}

// It would never hear of the objects that are there already.
TEST_F(InformerDeathTest, AHandlerThatComesAfterTheStartEndsTheProgram) {
  const auto pods = informers_.For<core_v1::Pod>();
  informers_.Start(executor_);
  EXPECT_DEATH(pods.OnChange([](const auto&, const auto&) {}), "started_");
  EXPECT_DEATH(pods.cache().OnSynced([] {}), "started_");
  informers_.Stop();
}

}  // namespace
}  // namespace skiff
