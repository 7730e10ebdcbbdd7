#include "api/rules/core/object_meta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "api/rules/checks.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;

const FieldPath kMetadata("metadata");

std::vector<std::string> Lines(const Violations& out) {
  std::vector<std::string> lines;
  for (const Cause& cause : out.causes()) lines.push_back(cause.field + ": " + cause.message);
  return lines;
}

meta_v1::ObjectMeta Named(std::string name) {
  meta_v1::ObjectMeta meta;
  meta.name = std::move(name);
  meta.namespace_ = "default";
  meta.resource_version = "1";
  return meta;
}

std::vector<std::string> Check(const meta_v1::ObjectMeta& meta, bool namespaced = true) {
  Violations out;
  ValidateObjectMeta(meta, namespaced, NameIsDnsSubdomain, kMetadata, out);
  return Lines(out);
}

std::vector<std::string> CheckUpdate(const meta_v1::ObjectMeta& meta,
                                     const meta_v1::ObjectMeta& old) {
  Violations out;
  ValidateObjectMetaUpdate(meta, old, kMetadata, out);
  return Lines(out);
}

std::string Wrong(std::string_view field, std::string_view value, const Messages& messages) {
  return std::string(field) + ": Invalid value: \"" + std::string(value) + "\": " + messages.at(0);
}

TEST(ObjectMetaTest, NamesAreNeededAndChecked) {
  EXPECT_THAT(Check(Named("a")), ElementsAre());
  EXPECT_THAT(Check(Named("")),
              ElementsAre("metadata.name: Required value: name or generateName is required"));
  auto meta = Named("-bad-");
  meta.generate_name = "also bad";
  EXPECT_THAT(
      Check(meta),
      ElementsAre(Wrong("metadata.generateName", "also bad", Dns1123SubdomainErrors("also bad")),
                  Wrong("metadata.name", "-bad-", Dns1123SubdomainErrors("-bad-"))));
}

TEST(ObjectMetaTest, NamespacesSuitTheScope) {
  auto meta = Named("a");
  EXPECT_THAT(Check(meta, false),
              ElementsAre("metadata.namespace: Forbidden: not allowed on this type"));
  meta.namespace_ = "a.b";
  EXPECT_THAT(Check(meta),
              ElementsAre("metadata.namespace: Invalid value: \"a.b\": must not contain dots"));
  meta.namespace_ = "";
  EXPECT_THAT(Check(meta), ElementsAre("metadata.namespace: Required value"));
}

TEST(ObjectMetaTest, EverythingWrongIsToldInKubernetesOrder) {
  auto meta = Named("a");
  meta.generation = -1;
  meta.labels = {{"a b", "c d"}};
  meta.annotations = {{"x/y/z", "x"}, {"Upper.example.com/A", "fine"}};
  meta.finalizers = {"noprefix", "bad one", "orphan", "foregroundDeletion"};
  Violations out;
  ValidateObjectMeta(meta, true, NameIsDnsSubdomain, kMetadata, out);
  CheckFinalizerNames(meta.finalizers, kMetadata.Child("finalizers"), out);
  EXPECT_THAT(
      Lines(out),
      ElementsAre("metadata.generation: Invalid value: -1: must be greater than or equal to 0",
                  Wrong("metadata.labels", "a b", LabelKeyErrors("a b")),
                  Wrong("metadata.labels", "c d", LabelValueErrors("c d")),
                  Wrong("metadata.annotations", "x/y/z", LabelKeyErrors("x/y/z")),
                  Wrong("metadata.finalizers", "bad one", LabelKeyErrors("bad one")),
                  "metadata.finalizers: Invalid value: [\"noprefix\",\"bad one\",\"orphan\","
                  "\"foregroundDeletion\"]: finalizer orphan and foregroundDeletion cannot be "
                  "both set",
                  "metadata.finalizers[0]: Invalid value: \"noprefix\": name is neither a "
                  "standard finalizer name nor is it fully qualified",
                  "metadata.finalizers[1]: Invalid value: \"bad one\": name is neither a standard "
                  "finalizer name nor is it fully qualified"));
}

TEST(ObjectMetaTest, AnnotationsAreBounded) {
  auto meta = Named("a");
  meta.annotations = {{"k", std::string(kAnnotationsBytesMax - 1, 'x')}};
  EXPECT_THAT(Check(meta), ElementsAre());
  meta.annotations["l"] = "";
  EXPECT_THAT(Check(meta),
              ElementsAre("metadata.annotations: Too long: may not be more than 262144 bytes"));
}

TEST(ObjectMetaTest, OwnersAreCompleteAndOneControls) {
  auto meta = Named("oi");
  meta.owner_references.resize(4);
  const auto set = [&](size_t i, const char* kind, const char* name, const char* uid) {
    meta.owner_references[i].api_version = "v1";
    meta.owner_references[i].kind = kind;
    meta.owner_references[i].name = name;
    meta.owner_references[i].uid = uid;
  };
  set(1, "Event", "e", "u");
  set(2, "A", "a", "u1");
  set(3, "B", "b", "u2");
  meta.owner_references[2].controller = meta.owner_references[3].controller = true;
  EXPECT_THAT(
      Check(meta),
      ElementsAre(
          "metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty",
          "metadata.ownerReferences.kind: Invalid value: \"\": must not be empty",
          "metadata.ownerReferences.name: Invalid value: \"\": must not be empty",
          "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty",
          "metadata.ownerReferences: Invalid value: {\"apiVersion\":\"v1\",\"kind\":\"Event\","
          "\"name\":\"e\",\"uid\":\"u\"}: /v1, Kind=Event is disallowed from being an owner",
          "metadata.ownerReferences: Invalid value: [{\"apiVersion\":\"\",\"kind\":\"\",\"name\":"
          "\"\",\"uid\":\"\"},{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"e\",\"uid\":"
          "\"u\"},{\"apiVersion\":\"v1\",\"kind\":\"A\",\"name\":\"a\",\"uid\":\"u1\","
          "\"controller\":true},{\"apiVersion\":\"v1\",\"kind\":\"B\",\"name\":\"b\",\"uid\":"
          "\"u2\",\"controller\":true}]: Only one reference can have Controller set to true. "
          "Found \"true\" in references for A/a and B/b"));
}

// All are shown for each that is one too many: of as many as fit into a request that took hours.
TEST(ObjectMetaTest, ManyOwnersThatControlAreShownInTime) {
  auto meta = Named("a");
  meta.owner_references.resize(30'000);
  for (size_t i = 0; i < meta.owner_references.size(); ++i) {
    meta_v1::OwnerReference& owner = meta.owner_references[i];
    owner.api_version = "v1";
    owner.kind = "A";
    owner.name = owner.uid = std::to_string(i);
    owner.controller = true;
  }
  const std::clock_t begin = std::clock();
  EXPECT_EQ(Check(meta).size(), 2u);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
}

TEST(ObjectMetaTest, ManagedFieldsAreChecked) {
  auto meta = Named("a");
  meta.managed_fields.resize(1);
  meta.managed_fields[0].operation = "Guess";
  meta.managed_fields[0].fields_type = "FieldsV0";
  meta.managed_fields[0].manager = "a\nb";
  meta.managed_fields[0].subresource = std::string(257, 's');
  EXPECT_THAT(
      Check(meta),
      ElementsAre(
          "metadata.managedFields[0].operation: Invalid value: \"Guess\": must be `Apply` or "
          "`Update`",
          "metadata.managedFields[0].fieldsType: Invalid value: \"FieldsV0\": must be `FieldsV1`",
          "metadata.managedFields[0].manager: Invalid value: \"a\\nb\": invalid character U+000A "
          "(at position 1)",
          "metadata.managedFields[0].subresource: Too long: may not be more than 256 bytes"));
}

TEST(ObjectMetaTest, UpdatesKeepTheIdentity) {
  auto old = Named("a");
  old.uid = "u";
  old.generation = 5;
  auto meta = old;
  EXPECT_THAT(CheckUpdate(meta, old), ElementsAre());
  meta.name = "b";
  meta.uid = "v";
  meta.generation = 4;
  meta.resource_version = "";
  meta.deletion_grace_period_seconds = 5;
  EXPECT_THAT(
      CheckUpdate(meta, old),
      ElementsAre("metadata.resourceVersion: Invalid value: \"\": must be specified for an update",
                  "metadata.generation: Invalid value: 4: must not be decremented",
                  "metadata.name: Invalid value: \"b\": field is immutable",
                  "metadata.uid: Invalid value: \"v\": field is immutable",
                  "metadata.deletionGracePeriodSeconds: Invalid value: 5: field is immutable"));
  meta = old;
  old.deletion_timestamp = Time(TimePoint(1s));
  meta.finalizers = {"example.com/y", "example.com/a"};
  EXPECT_THAT(CheckUpdate(meta, old),
              ElementsAre("metadata.finalizers: Forbidden: no new finalizers can be added if the "
                          "object is being deleted, found new finalizers "
                          "[]string{\"example.com/a\", \"example.com/y\"}",
                          "metadata.deletionTimestamp: Invalid value: null: field is immutable"));
}

TEST(ObjectMetaTest, LabelSelectors) {
  meta_v1::LabelSelector selector;
  selector.match_labels = {{"-", "v"}};
  selector.match_expressions.resize(4);
  const char* const operators[] = {"In", "Exists", "Gt", "NotIn"};
  for (size_t i = 0; i < 4; ++i) {
    selector.match_expressions[i].key = "k";
    selector.match_expressions[i].operator_ = operators[i];
  }
  selector.match_expressions[1].values = {"v"};
  selector.match_expressions[3].values = {"-"};
  Violations out;
  const FieldPath path("spec.selector");
  ValidateLabelSelector(selector, {}, path, out);
  EXPECT_THAT(
      Lines(out),
      ElementsAre(
          Wrong("spec.selector.matchLabels", "-", LabelKeyErrors("-")),
          "spec.selector.matchExpressions[0].values: Required value: must be specified "
          "when `operator` is 'In' or 'NotIn'",
          "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when "
          "`operator` is 'Exists' or 'DoesNotExist'",
          "spec.selector.matchExpressions[2].operator: Invalid value: \"Gt\": not a valid "
          "selector operator",
          Wrong("spec.selector.matchExpressions[3].values[0]", "-", LabelValueErrors("-"))));
  Violations tolerant;
  ValidateLabelSelector(selector, {.allow_invalid_label_values = true}, path, tolerant);
  EXPECT_EQ(tolerant.causes().size(), 4);
}

TEST(ObjectMetaTest, Conditions) {
  std::vector<meta_v1::Condition> conditions(2);
  conditions[0].type = conditions[1].type = "Ready";
  conditions[0].status = "True";
  conditions[0].reason = "Fine";
  conditions[0].last_transition_time = Time(TimePoint(1s));
  conditions[1].status = "Maybe";
  conditions[1].observed_generation = -1;
  conditions[1].message = std::string(32769, 'm');
  Violations out;
  ValidateConditions(conditions, FieldPath("c"), out);
  EXPECT_THAT(Lines(out),
              ElementsAre("c[1].type: Duplicate value: \"Ready\"",
                          "c[1].status: Unsupported value: \"Maybe\": supported values: "
                          "\"False\", \"True\", \"Unknown\"",
                          "c[1].observedGeneration: Invalid value: -1: must be greater than or "
                          "equal to zero",
                          "c[1].lastTransitionTime: Required value", "c[1].reason: Required value",
                          "c[1].message: Too long: may not be more than 32768 bytes"));
}

TEST(ObjectMetaTest, RepeatedOwnersAreDroppedWithAWarning) {
  std::vector<meta_v1::OwnerReference> owners(3);
  owners[0].uid = owners[2].uid = "u";
  owners[1].uid = "v";
  const auto dropped = DropDuplicateOwners(owners);
  EXPECT_EQ(owners.size(), 2);
  EXPECT_EQ(DuplicateOwnersWarning(dropped, false),
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner "
            "references in 1.20+, and may reject such requests as early as 1.24; please fix your "
            "requests; duplicate UID(s) observed: u");
}

TEST(ObjectMetaTest, OwnersThatDifferInAnythingAreKeptInTheirOrder) {
  std::vector<meta_v1::OwnerReference> owners(7);
  owners[0].uid = "z";
  owners[1].name = "a";
  owners[2].kind = "a";
  owners[3].api_version = "a";
  owners[4].controller = false;
  owners[5].block_owner_deletion = false;
  const auto all = owners;
  EXPECT_TRUE(DropDuplicateOwners(owners).empty());
  EXPECT_EQ(owners, all);
  owners.insert(owners.end(), all.rbegin(), all.rend());
  EXPECT_EQ(DropDuplicateOwners(owners).size(), 7);
  EXPECT_EQ(owners, all);
}

TEST(ObjectMetaTest, GeneratedNamesLeaveRoomForTheSuffix) {
  EXPECT_EQ(NameFromPrefix("gen-", "bcdfg"), "gen-bcdfg");
  EXPECT_EQ(NameFromPrefix(std::string(66, 'l'), "bcdfg"), std::string(58, 'l') + "bcdfg");
}

TEST(ObjectMetaTest, ImmutableFieldsPrintTheNewValue) {
  Violations out;
  ValidateImmutable(std::optional<int64_t>(), std::optional<int64_t>(1), FieldPath("a"), out);
  ValidateImmutable(std::optional<std::string>("x"), std::optional<std::string>(), FieldPath("b"),
                    out);
  ValidateImmutable(IntOrString("5%"), IntOrString(5), FieldPath("c"), out);
  ValidateImmutable(StringMap{{"b", "1"}, {"a", "2"}}, StringMap{}, FieldPath("d"), out);
  EXPECT_THAT(Lines(out), ElementsAre("a: Invalid value: null: field is immutable",
                                      "b: Invalid value: \"x\": field is immutable",
                                      "c: Invalid value: \"5%\": field is immutable",
                                      "d: Invalid value: {\"a\":\"2\",\"b\":\"1\"}: field is "
                                      "immutable"));
}

}  // namespace
}  // namespace skiff
