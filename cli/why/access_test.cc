// Bindings, service accounts, and volumes of the cluster.
#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WhyAccessTest : public WhyTest {
 protected:
  std::string Binding(const std::string& subjects) {
    return Why(
        "{kind: RoleBinding, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: read}, "
        "roleRef: {kind: Role, name: reader}, subjects: [" +
        subjects + "]}");
  }
  std::string Account(const std::string& fields) {
    return Why("{kind: ServiceAccount, apiVersion: v1, metadata: {name: bot}" + fields + "}");
  }
  std::string Volume(const std::string& policy, const std::string& status) {
    return Why(
        "{kind: PersistentVolume, apiVersion: v1, metadata: {name: v}, spec: "
        "{persistentVolumeReclaimPolicy: " +
        policy + ", claimRef: {namespace: shop, name: data}}, status: {" + status + "}}");
  }
};

TEST_F(WhyAccessTest, ABindingOfARoleThatIsNotThere) {
  None("roles");
  const std::string text = Binding("{kind: User, name: jane}");
  EXPECT_EQ(text,
            "rolebinding/read gives nobody anything: role/reader does not exist in namespace "
            "default.\n"
            "  role/reader, which cannot be changed to another  [roleRef]\n"
            "  user jane  [subjects]\n"
            "  try: skiff get roles -n default\n"
            "       skiff delete rolebinding/read -n default\n");
  EXPECT_EQ(first().weight, Weight::kWrong);
  facts_.lists.erase("roles");
  facts_.unread["roles"] = "you may not see them";
  EXPECT_THAT(Binding("{kind: User, name: jane}"), Not(HasSubstr("does not exist")));
}

TEST_F(WhyAccessTest, ABindingOfAnAccountThatIsElsewhere) {
  Add("roles",
      "{kind: Role, metadata: {name: reader}, rules: [{apiGroups: ['', apps], resources: [pods], "
      "verbs: [get, list], resourceNames: [web]}]}");
  None("serviceaccounts");
  const std::string bot = "{kind: ServiceAccount, name: bot, namespace: ci}";
  const std::string text = Binding(bot);
  EXPECT_THAT(text, StartsWith("rolebinding/read gives what role/reader allows to "
                               "serviceaccount/bot in namespace ci, which does not exist.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff get serviceaccounts -n ci\n"));
  EXPECT_FALSE(explanation_.healthy());
  facts_.lists["serviceaccounts"].push_back(Parsed("{metadata: {name: bot, namespace: ci}}"));
  EXPECT_EQ(Binding(bot),
            "rolebinding/read gives serviceaccount/bot in namespace ci what role/reader allows in "
            "namespace default; nothing is wrong.\n"
            "  get, list of pods, pods.apps named web  [role/reader rules]\n");
  EXPECT_THAT(Binding(""), StartsWith("rolebinding/read gives nothing to anybody, as it names no"));
}

TEST_F(WhyAccessTest, AnAccountsSecretsAndRights) {
  for (const char* list : {"secrets", "rolebindings", "clusterrolebindings"}) None(list);
  std::string text = Account(", imagePullSecrets: [{name: reg}]");
  EXPECT_THAT(text, StartsWith("serviceaccount/bot names secret reg for pulling images, which does "
                               "not exist.\n  reg  [imagePullSecrets]\n"));
  EXPECT_THAT(text, HasSubstr("serviceaccount/bot may do no more than everybody, as no binding"));
  Add("rolebindings",
      "{kind: RoleBinding, metadata: {name: read}, roleRef: {kind: ClusterRole, name: view}, "
      "subjects: [{kind: ServiceAccount, name: bot, namespace: default}]}");
  text = Account(", automountServiceAccountToken: false");
  EXPECT_THAT(text, StartsWith("serviceaccount/bot has the rights of 1 binding; nothing is "
                               "wrong.\n  what clusterrole/view allows in namespace default  "
                               "[rolebinding/read]\n  none: a pod has a token of its own"));
  EXPECT_THAT(text, HasSubstr("false: its pods have no token, unless they ask for one"));
  EXPECT_THAT(text, HasSubstr("try: skiff create token bot -n default\n"));
}

TEST_F(WhyAccessTest, AVolumeWhoseClaimIsGone) {
  EXPECT_THAT(Volume("Retain", "phase: Released"),
              StartsWith("persistentvolume/v is kept as claim shop/data left it, which is gone: "));
  EXPECT_TRUE(explanation_.healthy());
  EXPECT_THAT(Volume("Delete", "phase: Released"),
              StartsWith("persistentvolume/v waits to be deleted, as claim shop/data is gone.\n"));
  EXPECT_THAT(Volume("Delete", "phase: Failed, message: no plugin"),
              StartsWith("persistentvolume/v could not be deleted after its claim had gone: no "
                         "plugin.\n  Failed  [status.phase]\n"));
  EXPECT_EQ(first().weight, Weight::kWrong);
  EXPECT_THAT(Volume("Delete", "phase: Bound"),
              StartsWith("persistentvolume/v is bound to claim shop/data; nothing is wrong.\n"));
}

}  // namespace
}  // namespace skiff::cli::why
