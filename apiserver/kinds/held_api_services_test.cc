// APIServices of definitions, where one of them cannot be written.
#include <gtest/gtest.h>

#include "apiserver/server/api_server.h"
#include "apiserver/storage/forwarding_store.h"
#include "apiserver/storage/rocksdb_store.h"
#include "base/control_loop.h"

namespace skiff {
namespace {

// Takes no write of the keys that end so.
class KeyRefusingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<Written> Apply(Write write) override {
    if (!refused.empty() && write.key.ends_with(refused)) {
      ++refusals;
      return Fail(Reason::kInternalError, "not this one");
    }
    return ForwardingStore::Apply(std::move(write));
  }

  std::string refused;
  int refusals = 0;
};

class HeldApiServicesTest : public testing::Test {
 protected:
  HeldApiServicesTest() {
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
  }
  ~HeldApiServicesTest() override {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
  }

  void Define(const std::string& group) {
    const Json names = {{"plural", "lamps"}, {"kind", "Lamp"}};
    const Json version = {{"name", "v1"},
                          {"served", true},
                          {"storage", true},
                          {"schema", {{"openAPIV3Schema", {{"type", "object"}}}}}};
    const Json spec = {{"group", group},
                       {"scope", "Namespaced"},
                       {"names", names},
                       {"versions", Json::array({version})}};
    const Json definition = {{"apiVersion", "apiextensions.k8s.io/v1"},
                             {"kind", "CustomResourceDefinition"},
                             {"metadata", {{"name", "lamps." + group}}},
                             {"spec", spec}};
    ASSERT_EQ(Ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                  definition.dump()),
              201);
  }

  int Ask(const std::string& method, const std::string& path, const std::string& body = "") {
    http::Request request;
    request.method = method;
    request.target = request.path = path;
    request.body = body;
    request.headers.emplace("Authorization", "Bearer admin");
    return server_->Handle(request).status;
  }
  int GetService(const std::string& name) {
    return Ask("GET", "/apis/apiregistration.k8s.io/v1/apiservices/" + name);
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  SeededRandom random_{1};
  const std::unique_ptr<RocksdbStore> inner_ =
      *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  KeyRefusingStore store_{*inner_};
  SteppedExecutor executor_{clock_, 1};
  const std::unique_ptr<ApiServer> server_ =
      *ApiServer::Create({.authorization_modes = {"RBAC"},
                          .token_file_text = "admin,admin,1,system:masters\n"},
                         {store_, clock_, random_});
};

TEST_F(HeldApiServicesTest, OneThatCannotBeWrittenHoldsUpNoOther) {
  ASSERT_TRUE(executor_.RunUntilIdle());
  store_.refused = "/v1.a.example.com";
  Define("a.example.com");
  Define("b.example.com");
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_EQ(GetService("v1.a.example.com"), 404);
  EXPECT_EQ(GetService("v1.b.example.com"), 200);
  store_.refused.clear();
  clock_.Advance(1min);
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_EQ(GetService("v1.a.example.com"), 200) << "it stayed due";
}

TEST_F(HeldApiServicesTest, OneThatCannotBeWrittenIsTriedLessAndLessOften) {
  ASSERT_TRUE(executor_.RunUntilIdle());
  store_.refused = "/v1.a.example.com";
  Define("a.example.com");
  for (int second = 0; second < 60; ++second) {
    clock_.Advance(1s);
    ASSERT_TRUE(executor_.RunUntilIdle());
  }
  EXPECT_GE(store_.refusals, 5);
  EXPECT_LE(store_.refusals, 8);  // At once, and after 1, 2, 4, 8, 16 and 30 seconds.
}

}  // namespace
}  // namespace skiff
