// The tests that every backend of the store passes; store_contract_test.cc, store_lists_test.cc,
// store_watches_test.cc and store_model_test.cc hold them. A backend instantiates them in its own
// test:
//
//   INSTANTIATE_TEST_SUITE_P(Etcd, StoreContract, testing::Values(StoreBackend{"Etcd", MakeEtcd}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/storage/store.h"

namespace skiff {

// Keeps alive what the store stands on.
class StoreFixture {
 public:
  virtual ~StoreFixture() = default;
  virtual Store& store() = 0;
};

struct StoreBackend {
  std::string name;
  // An empty store, whose ring holds few events, so that tests see a slow cursor leave it.
  std::function<std::unique_ptr<StoreFixture>()> make;
};
inline void PrintTo(const StoreBackend& backend, std::ostream* out) {
  *out << backend.name;
}

class StoreContract : public testing::TestWithParam<StoreBackend> {
 public:
  // Everything the cursor has, as "+key=value@revision" and "-key=last value@revision".
  static std::string Drain(WatchCursor& cursor, size_t events_max = 100);

 protected:
  void SetUp() override { fixture_ = GetParam().make(); }
  Store& store() { return fixture_->store(); }

  // Writes that must succeed.
  Written Put(const std::string& key, const std::string& value);
  Written Delete(const std::string& key);
  // "key=value@modified ..." of a page.
  static std::string Text(const std::vector<RecordPtr>& records);
  // Lists in both ways, which must be the same.
  std::string List(ListRequest request);

 private:
  static void ExpectSame(const ListPage& page, ListCursor& cursor, const ListRequest& request);

  std::unique_ptr<StoreFixture> fixture_;
};

}  // namespace skiff
