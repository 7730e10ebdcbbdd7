// Stores whose values are sealed: they keep the contract, and nothing of a value reaches the disk.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "apiserver/encryption/ciphers.h"
#include "apiserver/storage/etcd_store.h"
#include "apiserver/storage/etcd_test_host.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/store_contract.h"

namespace skiff {
namespace {

// Everything but what lies under /plain, by a key that can be changed.
class TestSealing final : public Sealing {
 public:
  bool Covers(std::string_view key) const override { return !key.starts_with("/plain"); }
  Result<Value> Seal(const Place& place, std::string_view plain) override {
    if (fails) return Fail(Reason::kInternalError, "no key");
    const std::string sealed = TRY(MakeAesGcm(KeyOf(writes))->Seal(plain, place.bound));
    return Value{std::string(kSealedPrefix) + writes + sealed, Current(place.key)};
  }
  Result<Value> Open(const Place& place, std::string_view bytes) override {
    if (!IsSealed(bytes)) return Value{std::string(bytes)};
    const char by = bytes[kSealedPrefix.size()];
    if (by == missing) return Fail(Reason::kInternalError, "no matching prefix found");
    return Value{TRY(MakeAesGcm(KeyOf(by))->Open(bytes.substr(kSealedPrefix.size() + 1),
                                                 place.bound)),
                 static_cast<SealId>(by)};
  }
  SealId Current(std::string_view key) const override {
    return Covers(key) ? static_cast<SealId>(writes) : kNoSeal;
  }

  char writes = 'a';
  char missing = 0;
  bool fails = false;

 private:
  static std::string KeyOf(char name) { return std::string(32, name); }
};

TestSealing& SharedSealing() {
  static TestSealing sealing;
  return sealing;
}

class SealedRocksdb final : public StoreFixture {
 public:
  SealedRocksdb() {
    auto opened = RocksdbStore::Open({.path = "/store",
                                      .env = disk_.get(),
                                      .ring = {.events_max = 1},
                                      .cache_bytes_max = 0,
                                      .sealing = &SharedSealing()},
                                     clock_);
    CHECK(opened.has_value());
    store_ = *std::move(opened);
  }
  Store& store() override { return *store_; }

 private:
  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  std::unique_ptr<RocksdbStore> store_;
};

class SealedEtcd final : public StoreFixture {
 public:
  SealedEtcd()
      : store_(OpenEtcdStore({.client = host_.Client(),
                              .prefix = "",
                              .ring = {.events_max = 1},
                              .cache_bytes_max = 0,
                              .sealing = &SharedSealing()},
                             clock_)) {}
  Store& store() override { return *store_; }

 private:
  EtcdHost host_;
  SystemClock clock_;
  const std::unique_ptr<EtcdStore> store_;
};

INSTANTIATE_TEST_SUITE_P(
    Sealed, StoreContract,
    testing::Values(StoreBackend{"Rocksdb", [] { return std::make_unique<SealedRocksdb>(); }},
                    StoreBackend{"Etcd", [] { return std::make_unique<SealedEtcd>(); }}),
    [](const auto& info) { return info.param.name; });

class SealedStoreTest : public testing::Test {
 protected:
  SealedStoreTest() { CHECK(mkdtemp(folder_.data()) != nullptr); }
  ~SealedStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open(Sealing* sealing) {
    store_.reset();
    auto opened = RocksdbStore::Open(
        {.path = folder_ + "/store", .cache_bytes_max = 0, .sealing = sealing}, clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }
  // An object with a label, as the server stores it.
  Result<Written> Put(const std::string& key, const std::string& text) {
    const ObjectBody body = BodyOf(
        {{"metadata", {{"labels", {{"l", text}}}, {"resourceVersion", ""}}}, {"data", text}});
    const NamedText label{"l", text};
    StoredObject stored =
        EncodeObject({.labels = {&label, 1}, .fields = {}, .uid = text, .body = body});
    return store_->Apply(
        {.key = key, .value = std::move(stored.value), .revision_at = stored.revision_at});
  }
  // The files of the folder that hold the text.
  static std::vector<std::string> FilesWith(const std::string& folder, const std::string& text) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::ostringstream bytes;
      bytes << in.rdbuf();
      if (bytes.str().find(text) != std::string::npos) files.push_back(entry.path());
    }
    return files;
  }

  FakeClock clock_;
  TestSealing sealing_;
  std::string folder_ = "/tmp/skiff-sealed-store-XXXXXX";
  std::unique_ptr<RocksdbStore> store_;
};

TEST_F(SealedStoreTest, NoFileHoldsAnythingOfAValue) {
  const std::string marker = "MARKER-in-plain";
  Open(&sealing_);
  ASSERT_TRUE(Put("/plain/a", "FOUND-in-plain"));
  for (int i = 0; i < 200; ++i) {
    const std::string key = "/registry/secrets/default/s" + std::to_string(i % 20);
    ASSERT_TRUE(Put(key, marker + std::to_string(i)));
  }
  EXPECT_FALSE(FilesWith(folder_, "FOUND-in-plain").empty()) << "the search would find it";
  const auto nothing_in_plain = [&](const char* when) {
    EXPECT_EQ(FilesWith(folder_, marker), std::vector<std::string>()) << when;
  };
  nothing_in_plain("after writes: in the log that is written ahead");
  ASSERT_TRUE(store_->Apply({.key = "/registry/secrets/default/s1"}));
  ASSERT_TRUE(store_->Snapshot(folder_ + "/snapshot"));
  nothing_in_plain("after a deletion, and in a snapshot");
  // As a crash would: what is not flushed is read from the log, and written to files.
  std::filesystem::copy(folder_ + "/store", folder_ + "/crashed",
                        std::filesystem::copy_options::recursive);
  store_.reset();
  nothing_in_plain("after it was closed");
  for (const char* name : {"/crashed", "/snapshot"}) {
    auto again = RocksdbStore::Open({.path = folder_ + name, .sealing = &sealing_}, clock_);
    ASSERT_TRUE(again) << again.error().message;
    const auto record = *(*again)->Get("/registry/secrets/default/s2");
    EXPECT_THAT(std::string(ObjectView::Of(*record)->body()), testing::HasSubstr(marker + "182"));
    ASSERT_TRUE((*again)->Compact((*again)->Current()));
  }
  nothing_in_plain("after a crash, and a compaction");
  Open(&sealing_);
  EXPECT_FALSE(*store_->Get("/plain/a") == nullptr);
  // With the revision in it, and what was before.
  const auto record = *store_->Get("/registry/secrets/default/s3");
  const auto view = ObjectView::Of(*record);
  EXPECT_EQ(view->pieces().revision, std::to_string(record->modified.value));
  EXPECT_EQ(view->label("l"), marker + "183");
  const auto past = store_->Get("/registry/secrets/default/s3", Revision{10});
  EXPECT_EQ(ObjectView::Of(**past)->label("l"), marker + "3");
}

TEST_F(SealedStoreTest, SaysWhatIsToBeSealedAnew) {
  Open(&sealing_);
  const std::string key = "/registry/secrets/default/s";
  ASSERT_TRUE(Put(key, "x"));
  EXPECT_FALSE(store_->IsSealedAnew(**store_->Get(key)));
  sealing_.writes = 'b';
  EXPECT_TRUE(store_->IsSealedAnew(**store_->Get(key)));
  const auto written = Put(key, "x");
  EXPECT_FALSE(store_->IsSealedAnew(*written->record));
  EXPECT_FALSE(store_->IsSealedAnew(**store_->Get(key)));
}

TEST_F(SealedStoreTest, WhatCannotBeOpenedSaysWhyUntilItCan) {
  Open(&sealing_);
  const std::string key = "/registry/secrets/default/s";
  ASSERT_TRUE(Put(key, "x"));
  sealing_.missing = 'a';
  const auto error_of = [&] { return ObjectView::Of(**store_->Get(key)).error().message; };
  EXPECT_EQ(error_of(), "Internal error occurred: no matching prefix found");
  EXPECT_EQ(UnreadableInList(**store_->Get(key)).message,
            "Internal error occurred: unable to transform key \"" + key +
                "\": no matching prefix found");
  sealing_.missing = 0;
  EXPECT_EQ(ObjectView::Of(**store_->Get(key))->label("l"), "x");
  Open(nullptr);
  EXPECT_EQ(error_of(), "Internal error occurred: identity transformer tried to read encrypted "
                        "data");
}

TEST_F(SealedStoreTest, AWriteThatCannotBeSealedFailsAlone) {
  Open(&sealing_);
  sealing_.fails = true;
  EXPECT_EQ(Put("/registry/secrets/default/s", "x").error().message, "no key");
  EXPECT_TRUE(Put("/plain/s", "x"));
  sealing_.fails = false;
  EXPECT_TRUE(Put("/registry/secrets/default/s", "x"));
}

}  // namespace
}  // namespace skiff
