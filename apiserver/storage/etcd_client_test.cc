// Which member of an etcd is asked, and for how long, by members that answer as a test wants it.
#include <fmt/format.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "apiserver/storage/etcd_store_client.h"
#include "apiserver/storage/proto/etcd_rpc.grpc.pb.h"

namespace skiff {
namespace {

// One that is asked for "slow" answers once it was asked for something else; or, where it is
// `hung`, nothing.
class MemberOnCue final : public etcd::KV::Service, public etcd::Watch::Service {
 public:
  MemberOnCue() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(static_cast<etcd::KV::Service*>(this));
    builder.RegisterService(static_cast<etcd::Watch::Service*>(this));
    server_ = builder.BuildAndStart();
  }
  ~MemberOnCue() override {
    End();
    server_->Shutdown(std::chrono::system_clock::now());
  }
  // Whoever waits for it waits no more.
  void End() {
    if (!ended_.exchange(true)) end_.set_value();
  }
  std::string Url() const { return fmt::format("http://127.0.0.1:{}", port_); }

  grpc::Status Range(grpc::ServerContext*, const etcd::RangeRequest* request,
                     etcd::RangeResponse* response) override {
    if (hung) over_.wait();
    if (request->key() == "slow") {
      ++slow_asked;
      over_.wait();
      response->set_count(7);
    } else {
      End();
    }
    return grpc::Status::OK;
  }
  grpc::Status Watch(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<etcd::WatchResponse, etcd::WatchRequest>* stream) override {
    etcd::WatchRequest request;
    if (!stream->Read(&request)) return grpc::Status::OK;
    ++watched;
    if (is_cut_off) {
      const auto asked = context->client_metadata().find("hasleader");
      if (asked != context->client_metadata().end() && asked->second == "true") {
        return {grpc::StatusCode::UNAVAILABLE, "etcdserver: no leader"};
      }
      etcd::WatchResponse created;
      created.set_created(true);
      stream->Write(created);
      stream->Read(&request);  // It has not come so far: says nothing until the client leaves.
      return grpc::Status::OK;
    }
    if (is_compacted) {
      etcd::WatchResponse response;
      response.set_compact_revision(9);
      stream->Write(response);
      return grpc::Status::OK;
    }
    if (ends) return {grpc::StatusCode::UNAVAILABLE, "going"};
    etcd::WatchResponse created;
    created.set_created(true);
    stream->Write(created);
    etcd::WatchResponse response;
    response.add_events()->mutable_kv()->set_mod_revision(
        request.create_request().start_revision());
    stream->Write(response);
    return grpc::Status::OK;
  }

  std::atomic<bool> hung = false;
  std::atomic<bool> is_compacted = false;
  std::atomic<bool> ends = false;        // Its watches do, at once.
  std::atomic<bool> is_cut_off = false;  // From the others, and has no leader.
  std::atomic<int> slow_asked = 0;
  std::atomic<int> watched = 0;

 private:
  std::atomic<bool> ended_ = false;
  std::promise<void> end_;
  std::shared_future<void> over_ = end_.get_future().share();
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class EtcdMembersTest : public testing::Test {
 protected:
  // Connected with both, and asks the second one first.
  std::unique_ptr<EtcdClient> Client(EtcdClientOptions options) {
    options.servers = {one_.Url(), two_.Url()};
    auto client = *EtcdClient::Create(std::move(options), clock_);
    CHECK(client->WaitUntilReachable(60s).has_value());
    one_.ends = true;
    const Duration end = clock_.Monotonic() + 60s;
    while (two_.watched == 0 && clock_.Monotonic() < end) (void)client->ReadHistory(Revision{1});
    EXPECT_EQ(two_.watched, 1);
    one_.ends = false;
    one_.watched = two_.watched = 0;
    return client;
  }
  static etcd::RangeRequest Slow() {
    etcd::RangeRequest request;
    request.set_key("slow");
    return request;
  }

  SystemClock clock_;
  MemberOnCue one_, two_;
};

TEST_F(EtcdMembersTest, OneThatIsOnlySlowIsNotLeft) {
  const auto client = Client({.call_timeout = 120s, .look_after = 1ms, .look_timeout = 120s});
  const auto answer = client->Range(Slow());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->count(), 7);
  EXPECT_EQ(one_.slow_asked, 0);
  EXPECT_EQ(two_.slow_asked, 1);
}

TEST_F(EtcdMembersTest, OneThatDoesNotAnswerAtAllIsLeft) {
  const auto client = Client({.call_timeout = 120s, .look_after = 1ms, .look_timeout = 3s});
  two_.hung = true;
  one_.End();  // It answers whatever it is asked.
  const auto answer = client->Range(Slow());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(one_.slow_asked, 1);
}

TEST_F(EtcdMembersTest, HistoryIsReadFromAnotherWhereOneEndsTheWatch) {
  const auto client = Client({.call_timeout = 120s});
  two_.ends = true;
  const auto read = client->ReadHistory(Revision{4});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->events(0).kv().mod_revision(), 5);
  EXPECT_EQ(one_.watched, 1);
  EXPECT_EQ(two_.watched, 1);
}

TEST_F(EtcdMembersTest, HistoryIsNotAwaitedOfOneThatHasNoLeader) {
  const auto client = Client({.call_timeout = 20s});
  two_.is_cut_off = true;
  const auto read = client->ReadHistory(Revision{4});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->events(0).kv().mod_revision(), 5);
  EXPECT_EQ(two_.watched, 1);
  EXPECT_EQ(one_.watched, 1);
}

TEST_F(EtcdMembersTest, HistoryThatIsGoneIsAskedOfNobodyElse) {
  const auto client = Client({.call_timeout = 120s});
  two_.is_compacted = true;
  const auto read = client->ReadHistory(Revision{4});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, Reason::kExpired);
  EXPECT_EQ(one_.watched, 0);
}

}  // namespace
}  // namespace skiff
