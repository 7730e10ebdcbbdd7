#include "apiserver/storage/etcd_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "apiserver/storage/etcd_test_host.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/silent_relay.h"
#include "apiserver/storage/store_contract.h"

namespace skiff {
namespace {

class EtcdFixture final : public StoreFixture {
 public:
  explicit EtcdFixture(EtcdStore::Options options) {
    options.client = host_.Client();
    options.prefix = "";
    store_ = OpenEtcdStore(std::move(options), clock_);
  }
  Store& store() override { return *store_; }

 private:
  EtcdHost host_;
  SystemClock clock_;
  std::unique_ptr<EtcdStore> store_;
};

std::unique_ptr<StoreFixture> Plain() {
  return std::make_unique<EtcdFixture>(EtcdStore::Options{.ring = {.events_max = 16}});
}

// Every read of a value goes to etcd, and most events are history.
std::unique_ptr<StoreFixture> WithoutMemory() {
  return std::make_unique<EtcdFixture>(
      EtcdStore::Options{.ring = {.events_max = 1}, .cache_bytes_max = 0});
}

INSTANTIATE_TEST_SUITE_P(Etcd, StoreContract,
                         testing::Values(StoreBackend{"Plain", Plain},
                                         StoreBackend{"WithoutMemory", WithoutMemory}),
                         [](const auto& info) { return info.param.name; });

using testing::HasSubstr;

// A cursor, and the wakes it gets.
class Watcher {
 public:
  Watcher(Store& store, const std::string& prefix)
      : cursor_(*store.Watch(prefix, store.Current(), [this] {
          const std::scoped_lock lock(mutex_);
          woken_ = true;
          changed_.notify_all();
        })) {}

  // What comes until there are so many events, or an error.
  Result<std::vector<EventPtr>> Await(size_t count) {
    std::vector<EventPtr> events;
    for (;;) {
      TRY(cursor_->Next(1000, events));
      if (events.size() >= count) return events;
      std::unique_lock lock(mutex_);
      const bool woken = changed_.wait_for(lock, 20s, [this] { return woken_; });
      EXPECT_TRUE(woken) << events.size() << " events";
      if (!woken) return events;
      woken_ = false;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  const std::unique_ptr<WatchCursor> cursor_;
};

class EtcdStoreTest : public testing::Test {
 protected:
  std::unique_ptr<EtcdStore> Open(EtcdStore::Options options = {}) {
    if (options.client.servers.empty()) options.client = host_.Client();
    return OpenEtcdStore(std::move(options), clock_);
  }
  static Written Put(Store& store, const std::string& name, const std::string& value) {
    auto written = store.Apply({.key = "/registry/" + name, .value = value});
    EXPECT_TRUE(written) << written.error().message;
    return written ? *written : Written{};
  }
  static std::string ValueOf(Store& store, const std::string& name) {
    const auto record = store.Get("/registry/" + name);
    return record ? (*record)->value : record.error().message;
  }
  SystemClock clock_;
  EtcdHost host_;
};

TEST_F(EtcdStoreTest, TwoStoresServeTheSameObjectsAndWatches) {
  const auto a = Open();
  const auto b = Open();
  Watcher watcher(*b, "/registry/pods/");
  const Written first = Put(*a, "pods/x", "1");
  const auto events = watcher.Await(1).value();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]->record->value, "1");
  EXPECT_EQ(events[0]->revision, first.revision);
  const Precondition at_first{.kind = Precondition::Kind::kRevision, .revision = first.revision};
  EXPECT_TRUE(b->Apply({.key = "/registry/pods/x", .expect = at_first, .value = "2"}));
  const auto late = a->Apply({.key = "/registry/pods/x", .expect = at_first, .value = "3"});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kConflict);
}

TEST_F(EtcdStoreTest, AReadSeesWhatWasWrittenThroughAnotherStoreBefore) {
  const auto a = Open();
  const auto b = Open();
  for (int i = 0; i < 200; ++i) {
    const std::string value = std::to_string(i);
    const Revision written = Put(*a, "pods/x", value).revision;
    if (i % 3 == 0) {
      EXPECT_EQ(ValueOf(*b, "pods/x"), value);
    } else if (i % 3 == 1) {
      const auto page = b->List({.prefix = "/registry/pods/"});
      ASSERT_TRUE(page);
      EXPECT_GE(page->revision, written);
      EXPECT_EQ(page->records.at(0)->value, value);
    } else {
      ASSERT_TRUE(b->Reach(written));
      EXPECT_GE(b->Current(), written);
    }
  }
}

TEST_F(EtcdStoreTest, AnyStateIsWhatWasShownHere) {
  const auto a = Open();
  const auto small = Open({.cache_bytes_max = 0});
  EtcdStore* const both[] = {a.get(), small.get()};
  Put(*a, "pods/x", "1");
  const Revision last = Put(*a, "pods/x", "2").revision;
  Put(*a, "pods/y", "1");
  ASSERT_TRUE(a->Apply({.key = "/registry/pods/y"}));
  for (EtcdStore* store : both) {
    ASSERT_TRUE(store->Reach(a->Current()));
    const auto record = store->GetAny("/registry/pods/x");
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ((*record)->value, "2");
    EXPECT_EQ((*record)->modified, last);
    EXPECT_EQ(store->GetAny("/registry/pods/y").error().reason, Reason::kNotFound);
    const auto page = store->List({.prefix = "/registry/pods/", .any = true});
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->records.size(), 1u);
    EXPECT_EQ(page->revision, a->Current());
  }
  host_.Kill();
  EXPECT_EQ((*a->GetAny("/registry/pods/x"))->value, "2") << "it is in memory";
  EXPECT_TRUE(a->List({.prefix = "/registry/pods/", .any = true}));
  EXPECT_FALSE(a->Get("/registry/pods/x"));
  EXPECT_FALSE(small->GetAny("/registry/pods/x")) << "nobody knows it";
}

TEST_F(EtcdStoreTest, ARestartedStoreGoesOnWithTheWatchesOfTheOneBefore) {
  auto first = Open();
  Put(*first, "pods/x", "1");
  const Revision seen = Put(*first, "pods/x", "2").revision;
  for (int i = 3; i < 40; ++i) Put(*first, "pods/x", std::to_string(i));
  first.reset();
  // Once from memory, once from etcd's history.
  for (const size_t events_max : {8192, 4}) {
    const auto second = Open({.ring = {.events_max = events_max}});
    const auto cursor = second->Watch("/registry/pods/", seen, nullptr);
    std::vector<EventPtr> events;
    ASSERT_TRUE((*cursor)->Next(1000, events));
    ASSERT_EQ(events.size(), 37u);
    EXPECT_EQ(events[0]->record->value, "3");
    EXPECT_EQ(events[0]->previous->value, "2");
    EXPECT_EQ(events.back()->record->value, "39");
  }
}

TEST_F(EtcdStoreTest, AStoreWithoutAnyPastOpensAtOnce) {
  {
    const auto store = Open();
    Put(*store, "pods/x", "1");
    ASSERT_TRUE(store->Compact(Put(*store, "pods/x", "2").revision));
  }
  const Duration begin = clock_.Monotonic();
  const auto store = Open();
  EXPECT_LT(clock_.Monotonic() - begin, 10s) << "half of what it would wait";
  EXPECT_EQ(store->Compacted(), store->Current());
  EXPECT_EQ(ValueOf(*store, "pods/x"), "2");
}

TEST_F(EtcdStoreTest, KeysLieUnderThePrefixAndOthersAreNotOurs) {
  const auto ours = Open({.prefix = "/a"});
  const auto others = Open({.prefix = "/ab"});
  Put(*ours, "pods/x", "ours");
  Put(*others, "pods/x", "theirs");
  Put(*others, "pods/y", "theirs");
  EXPECT_EQ(ValueOf(*ours, "pods/x"), "ours");
  EXPECT_EQ(ours->List({.prefix = "/registry/pods/"})->records.size(), 1u);
  EXPECT_EQ(ours->Current(), others->Current()) << "the revision is that of the cluster";
  etcd::RangeRequest request;
  request.set_key("/a/pods/x");
  EXPECT_EQ(ours->client().Range(request)->kvs_size(), 1);
}

// Whoever writes to etcd himself may do so.
TEST_F(EtcdStoreTest, KeysThatOneTransactionWroteAreListedEachByItself) {
  const auto store = Open();
  etcd::TxnRequest both;
  for (const char* name : {"x", "y"}) {
    auto& put = *both.add_success()->mutable_request_put();
    put.set_key(std::string("/registry/pods/") + name);
    put.set_value(name);
  }
  const auto written = store->client().Transact(both);
  ASSERT_TRUE(written) << written.error().message;
  ASSERT_TRUE(store->Reach(RevisionFrom(written->header().revision())));
  store->cache().Clear();
  ASSERT_EQ(ValueOf(*store, "pods/y"), "y");  // By now that one alone is cached.
  const auto page = store->List({.prefix = "/registry/pods/", .limit = 1});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->records[0]->value, "x");
  ASSERT_TRUE(store->List({.prefix = "/registry/pods/"}));
  EXPECT_TRUE(store->cache().Find(page->records[0]->modified, "/registry/pods/x"));
  EXPECT_TRUE(store->cache().Find(page->records[0]->modified, "/registry/pods/y"));
}

TEST_F(EtcdStoreTest, AnObjectIsPlainJsonInEtcd) {
  const auto store = Open();
  const ObjectBody body{
      .text = R"({"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"","name":"x"}})",
      .revision_at = 63};
  const StoredObject stored = EncodeObject({.labels = {}, .fields = {}, .uid = "u1", .body = body});
  const auto written = store->Apply({.key = "/registry/pods/default/x",
                                     .value = stored.value,
                                     .revision_at = stored.revision_at});
  ASSERT_TRUE(written);
  EXPECT_EQ(ObjectView::Of(*written->record)->body(),
            R"({"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"2","name":"x"}})");
  etcd::RangeRequest request;
  request.set_key("/registry/pods/default/x");
  EXPECT_EQ(store->client().Range(request)->kvs(0).value(),
            "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\"}}\n");
}

TEST_F(EtcdStoreTest, WithoutEtcdRequestsFailSoonAndLaterEverythingGoesOn) {
  const auto store = Open();
  Put(*store, "pods/x", "1");
  Watcher watcher(*store, "/registry/pods/");
  ASSERT_TRUE(watcher.Await(0));
  host_.Kill();
  const Duration begin = clock_.Monotonic();
  for (int i = 0; i < 3; ++i) {
    const auto read = store->Get("/registry/pods/x");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "etcdserver: request timed out");
    EXPECT_EQ(read.error().http_code, 500);
    EXPECT_FALSE(store->Apply({.key = "/registry/pods/y", .value = "lost"}));
    EXPECT_FALSE(store->List({.prefix = "/registry/pods/"}));
  }
  EXPECT_LT(clock_.Monotonic() - begin, EtcdClient::kConnectWait + 3s) << "only the first waits";
  host_.Start();
  ASSERT_TRUE(store->client().WaitUntilReachable(20s));
  EXPECT_EQ(ValueOf(*store, "pods/x"), "1");
  Put(*store, "pods/x", "2");
  const auto events = watcher.Await(1).value();
  ASSERT_EQ(events.size(), 1u) << "nothing is lost and nothing comes twice";
  EXPECT_EQ(events[0]->record->value, "2");
}

TEST_F(EtcdStoreTest, AWatchGoesOnWithWhatOthersWroteWhileItsServerWasCutOff) {
  const auto cut_off = Open();
  Put(*cut_off, "pods/x", "1");
  Watcher watcher(*cut_off, "/registry/pods/");
  ASSERT_TRUE(watcher.Await(0));
  host_.Kill();
  const int elsewhere = FreePort();
  host_.StartAt(elsewhere);
  {
    const auto other = Open({.client = {.servers = {host_.UrlAt(elsewhere)}}});
    Put(*other, "pods/x", "2");
    Put(*other, "pods/y", "3");
  }
  host_.Kill();
  host_.Start();
  const auto events = watcher.Await(2).value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]->record->value, "2");
  EXPECT_EQ(events[0]->previous->value, "1");
  EXPECT_EQ(events[1]->record->value, "3");
}

TEST_F(EtcdStoreTest, WhatWasCompactedWhileItsServerWasCutOffExpiresItsWatches) {
  const auto cut_off = Open();
  Put(*cut_off, "pods/x", "1");
  Put(*cut_off, "pods/gone", "1");
  Watcher watcher(*cut_off, "/registry/pods/");
  ASSERT_TRUE(watcher.Await(0));
  host_.Kill();
  const int elsewhere = FreePort();
  host_.StartAt(elsewhere);
  {
    const auto other = Open({.client = {.servers = {host_.UrlAt(elsewhere)}}});
    EXPECT_TRUE(other->Apply({.key = "/registry/pods/gone"}));
    const Revision last = Put(*other, "pods/x", "2").revision;
    ASSERT_TRUE(other->Compact(last));
  }
  host_.Kill();
  host_.Start();
  const auto next = watcher.Await(1);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().reason, Reason::kExpired);
  const auto page = cut_off->List({.prefix = "/registry/pods/"});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->records[0]->value, "2");
}

TEST_F(EtcdStoreTest, NoAcknowledgedWriteIsLostWhenEtcdIsKilled) {
  const auto store = Open();
  std::promise<void> many;
  std::atomic<int> acknowledged = 0;
  std::vector<std::map<std::string, std::string>> newest(4);
  std::vector<std::jthread> threads;
  for (size_t t = 0; t < newest.size(); ++t) {
    threads.emplace_back([&, t](std::stop_token stop) {
      for (int i = 0; !stop.stop_requested(); ++i) {
        const std::string name = fmt::format("pods/{}-{}", t, i % 20);
        const std::string value = std::to_string(i);
        // A failure leaves open whether it was written.
        newest[t].erase(name);
        if (!store->Apply({.key = "/registry/" + name, .value = value})) continue;
        newest[t][name] = value;
        if (++acknowledged == 300) many.set_value();
      }
    });
  }
  ASSERT_EQ(many.get_future().wait_for(60s), std::future_status::ready);
  host_.Kill();
  for (auto& thread : threads) thread.request_stop();
  threads.clear();
  host_.Start();
  ASSERT_TRUE(store->client().WaitUntilReachable(20s));
  size_t checked = 0;
  for (const auto& written : newest) {
    for (const auto& [name, value] : written) {
      EXPECT_EQ(ValueOf(*store, name), value);
      ++checked;
    }
  }
  EXPECT_GT(checked, 40u);
  // The history has no gap either: nothing else writes here.
  const auto cursor = store->Watch("/registry/", Revision{1}, nullptr);
  std::vector<EventPtr> events;
  ASSERT_TRUE((*cursor)->Next(1'000'000, events));
  for (size_t i = 0; i < events.size(); ++i) ASSERT_EQ(events[i]->revision.value, i + 2);
  EXPECT_GE(events.size(), 300u);
}

TEST_F(EtcdStoreTest, WhatExpiresIsGoneInTime) {
  const auto store = Open({.expiries = {{.prefix = "/registry/events/", .ttl = 1s}}});
  Put(*store, "events/a", "1");
  Put(*store, "events/b", "2");
  Put(*store, "pods/a", "stays");
  Watcher watcher(*store, "/registry/");
  const auto events = watcher.Await(2).value();
  ASSERT_EQ(events.size(), 2u);
  for (const EventPtr& event : events) {
    EXPECT_EQ(event->kind, Event::Kind::kDelete);
    EXPECT_FALSE(event->record->value.empty()) << "the last version comes along";
  }
  EXPECT_EQ(ValueOf(*store, "pods/a"), "stays");
}

TEST_F(EtcdStoreTest, AnObjectThatEtcdFindsTooLargeIsRefusedInItsWords) {
  const auto store = Open();
  const auto too_large = [&](size_t bytes) {
    const auto written =
        store->Apply({.key = "/registry/pods/x", .value = std::string(bytes, 'x')});
    EXPECT_FALSE(written);
    EXPECT_EQ(written.error().http_code, 500);
    EXPECT_EQ(written.error().reason, Reason::kUnknown);
    return written.error().message;
  };
  EXPECT_EQ(too_large(1'800'000), "etcdserver: request is too large");
  EXPECT_THAT(
      too_large(2 << 20),
      testing::StartsWith("rpc error: code = ResourceExhausted desc = trying to send message "
                          "larger than max ("));
}

TEST_F(EtcdStoreTest, AMemberThatIsGoneIsPassedOver) {
  const std::string nobody = host_.UrlAt(FreePort());
  const auto store = Open({.client = {.servers = {nobody, host_.Url()}}});
  Put(*store, "pods/x", "1");
  EXPECT_EQ(ValueOf(*store, "pods/x"), "1");
}

TEST_F(EtcdStoreTest, AMemberThatKeepsSilentIsPassedOver) {
  Put(*Open(), "pods/x", "1");
  SilentRelay silent(host_.port());
  EtcdClientOptions client{.servers = {host_.UrlAt(silent.port()), host_.Url()}};
  client.call_timeout = 6s;
  const auto store = Open({.client = client});
  Watcher watcher(*store, "/registry/pods/");
  ASSERT_TRUE(watcher.Await(0));
  silent.FallSilent();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ValueOf(*store, "pods/x"), "1") << "the first that finds out asks the other one";
  }
  Put(*store, "pods/x", "2");
  const auto events = watcher.Await(1).value();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]->record->value, "2") << "the watch goes on with the other member";
}

TEST_F(EtcdStoreTest, OfManyWritesToAnEtcdThatKeepsSilentOneWaits) {
  SilentRelay silent(host_.port());
  EtcdClientOptions client{.servers = {host_.UrlAt(silent.port())}};
  client.call_timeout = 2s;
  const auto store = Open({.client = client});
  std::vector<Write> writes;
  for (int i = 0; i < 30; ++i) {
    const std::string name = "pods/" + std::to_string(i);
    Put(*store, name, "1");
    writes.push_back({.key = "/registry/" + name});
  }
  silent.FallSilent();
  const Duration begin = clock_.Monotonic();
  const auto results = store->ApplyAll(std::move(writes));
  EXPECT_LT(clock_.Monotonic() - begin, 20s);
  ASSERT_EQ(results.size(), 30u);
  for (const auto& result : results) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "etcdserver: request timed out");
  }
  EXPECT_EQ(store->CountAny("/registry/pods/").value(), 30u) << "that is known here";
}

TEST(EtcdClientTest, SaysWhatIsWrongWithItsServers) {
  SystemClock clock;
  EXPECT_THAT(EtcdClient::Create({.servers = {"127.0.0.1:2379"}}, clock).error().message,
              HasSubstr("must begin with http://"));
  EXPECT_THAT(
      EtcdClient::Create({.servers = {"https://a:1"}, .key_pem = "x"}, clock).error().message,
      HasSubstr("must be given together"));
}

}  // namespace
}  // namespace skiff
