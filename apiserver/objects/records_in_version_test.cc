// Records of custom resources as another version than they are kept in.
#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/crd/custom_kind.h"
#include "api/kinds/versions.h"
#include "apiserver/objects/list_in_version.h"
#include "apiserver/objects/record_codec.h"

namespace skiff {
namespace {

// Says how many objects it was given at a time.
class CountingVersions final : public VersionConverter {
 public:
  Result<std::vector<Json>> Convert(std::vector<Json> documents,
                                    std::string_view api_version) const override {
    given.push_back(documents.size());
    for (Json& document : documents) document["apiVersion"] = api_version;
    return documents;
  }

  mutable std::vector<size_t> given;
};

Json SignDefinition() {
  Json definition = Json::parse(R"({
      "metadata": {"name": "signs.example.com", "resourceVersion": "7"},
      "spec": {"group": "example.com", "scope": "Namespaced",
               "names": {"plural": "signs", "kind": "Sign"},
               "conversion": {"strategy": "Webhook"},
               "versions": [{"name": "v1", "served": true, "storage": true},
                            {"name": "v2", "served": true, "storage": false}]},
      "status": {"acceptedNames": {"plural": "signs", "kind": "Sign", "listKind": "SignList"},
                 "storedVersions": ["v1"],
                 "conditions": [{"type": "Established", "status": "True"}]}})");
  for (Json& version : definition["spec"]["versions"]) {
    version["schema"]["openAPIV3Schema"] = {{"type", "object"},
                                            {"x-kubernetes-preserve-unknown-fields", true}};
  }
  return definition;
}

// A record of that name which has so many bytes of text.
RecordPtr SignRecord(const KindInfo& kind, const std::string& name, size_t bytes) {
  const Json document = {{"apiVersion", kind.api_version},
                         {"kind", kind.kind},
                         {"metadata", {{"name", name}, {"namespace", "default"}}},
                         {"text", std::string(bytes, 'x')}};
  StoredObject stored = EncodeBody(kind, document, BodyOf(document));
  Record record{.key = "/registry/example.com/signs/default/" + name,
                .value = stored.value.insert(stored.revision_at, "7"),
                .created = Revision{7},
                .modified = Revision{7}};
  return std::make_shared<const Record>(std::move(record));
}

TEST(RecordsInVersionTest, OfLargeOnesFewAreDocumentsAtATime) {
  const auto versions = std::make_shared<const CountingVersions>();
  const auto kinds = crd::MakeKinds(SignDefinition(), [&](const Json&) { return versions; });
  ASSERT_EQ(kinds.size(), 2u);
  std::vector<RecordPtr> records;
  for (int i = 0; i < 9; ++i) {
    records.push_back(SignRecord(*kinds[0], "large" + std::to_string(i), 900'000));
  }
  records.push_back(SignRecord(*kinds[1], "other", 10));
  const auto shown = InVersion(*kinds[1], records);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(versions->given, (std::vector<size_t>{3, 3, 3}));
  ASSERT_EQ(shown->size(), records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ((*shown)[i]->key, records[i]->key);
    EXPECT_EQ(DocumentOf(*kinds[1], *(*shown)[i])->value("apiVersion", ""), "example.com/v2");
  }
}

// Holds some records, and lists them.
class StoreOfSigns final : public Store {
 public:
  explicit StoreOfSigns(std::vector<RecordPtr> records) : records_(std::move(records)) {}
  using Store::Watch;
  Result<ListPage> List(const ListRequest& request) override {
    ListPage page{.revision = Revision{7}};
    size_t bytes = 0;
    for (const RecordPtr& record : records_) {
      if (record->key <= request.start_after) continue;
      const bool is_full = (request.limit != 0 && page.records.size() == request.limit) ||
                           (request.bytes_max != 0 && bytes >= request.bytes_max);
      page.more |= is_full;
      page.remaining += is_full ? 1 : 0;
      if (is_full || (request.filter && !request.filter(*record))) continue;
      bytes += record->value.size();
      page.records.push_back(record);
    }
    return page;
  }
  Result<RecordPtr> Get(const std::string&, Revision) override { return Fail(NotAsked()); }
  Result<Written> Apply(Write) override { return Fail(NotAsked()); }
  Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest&, WakeFunction) override {
    return Fail(NotAsked());
  }
  Revision Current() override { return Revision{7}; }
  Result<> Reach(Revision) override { return {}; }
  Result<> Compact(Revision) override { return Fail(NotAsked()); }
  Revision Compacted() override { return {}; }

 private:
  static Error NotAsked() { return {.reason = Reason::kInternalError, .message = "not asked"}; }

  const std::vector<RecordPtr> records_;
};

std::string NamesIn(const KindInfo& kind, ListCursor& cursor) {
  std::vector<RecordPtr> records;
  for (bool more = true; more;) more = cursor.Next(1, records).value();
  std::string names;
  for (const RecordPtr& record : records) {
    EXPECT_FALSE(NeedsConversion(kind, *record)) << record->key;
    names += record->key.back();
  }
  return names;
}

TEST(RecordsInVersionTest, APageIsConvertedPieceByPiece) {
  const auto versions = std::make_shared<const CountingVersions>();
  const auto kinds = crd::MakeKinds(SignDefinition(), [&](const Json&) { return versions; });
  ASSERT_EQ(kinds.size(), 2u);
  std::vector<RecordPtr> records;
  for (int i = 0; i < 9; ++i) {
    records.push_back(SignRecord(*kinds[0], "large" + std::to_string(i), 900'000));
  }
  StoreOfSigns store(records);
  const auto page = OpenListInVersion(store, *kinds[1], {.limit = 6, .count_remaining = true});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE((*page)->more());
  EXPECT_EQ((*page)->remaining(), 3u);
  EXPECT_EQ((*page)->last_key(), records[5]->key);
  EXPECT_TRUE(versions->given.empty()) << "nobody waits before the first of it is wanted";
  std::vector<RecordPtr> first;
  ASSERT_TRUE((*page)->Next(1, first));
  EXPECT_EQ(versions->given, (std::vector<size_t>{3}));
  (*page)->Rewind(0);
  EXPECT_EQ(NamesIn(*kinds[1], **page), "012345");
  EXPECT_EQ(versions->given, (std::vector<size_t>{3, 3})) << "what was at hand is not asked twice";
  (*page)->Rewind(2);
  EXPECT_EQ(NamesIn(*kinds[1], **page), "2345");
}

TEST(RecordsInVersionTest, APageThatIsSelectedFromEndsWhereItsLimitSays) {
  const auto versions = std::make_shared<const CountingVersions>();
  const auto kinds = crd::MakeKinds(SignDefinition(), [&](const Json&) { return versions; });
  ASSERT_EQ(kinds.size(), 2u);
  std::vector<RecordPtr> records;
  for (int i = 0; i < 9; ++i) {
    records.push_back(SignRecord(*kinds[0], "large" + std::to_string(i), 900'000));
  }
  StoreOfSigns store(records);
  const auto filter = [](const Record& record) { return record.key.back() != '3'; };
  const auto page = OpenListInVersion(store, *kinds[1], {.limit = 7, .filter = filter});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE((*page)->more());
  EXPECT_EQ((*page)->last_key(), records[7]->key);
  EXPECT_EQ(NamesIn(*kinds[1], **page), "0124567");
}

TEST(RecordsInVersionTest, SmallOnesAreOneQuestion) {
  const auto versions = std::make_shared<const CountingVersions>();
  const auto kinds = crd::MakeKinds(SignDefinition(), [&](const Json&) { return versions; });
  ASSERT_EQ(kinds.size(), 2u);
  std::vector<RecordPtr> records;
  for (int i = 0; i < 300; ++i) {
    records.push_back(SignRecord(*kinds[0], "small" + std::to_string(i), 100));
  }
  ASSERT_TRUE(InVersion(*kinds[1], records));
  EXPECT_EQ(versions->given, (std::vector<size_t>{300}));
}

}  // namespace
}  // namespace skiff
