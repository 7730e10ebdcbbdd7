// Kustomizations in testdata, each beside what kustomize 5.7.1 (of kubectl 1.35.6) printed of it:
// expected.yaml, and warnings.txt where it warned.
#include "cli/kustomize/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/source_root.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string FileContents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string FolderOf(const std::string& name) {
  return std::string(kSourceRoot) + "/cli/kustomize/testdata/" + name;
}

class BuiltKustomizations : public testing::TestWithParam<const char*> {};

TEST_P(BuiltKustomizations, ComeToWhatKustomizeMakesOfThem) {
  const std::string folder = FolderOf(GetParam());
  std::vector<std::string> warnings;
  const auto built = kustomize::Build(folder, {}, warnings);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(kustomize::YamlOf(*built), FileContents(folder + "/expected.yaml"));
  std::string lines;
  for (const std::string& warning : warnings) lines += warning + "\n";
  EXPECT_EQ(lines, FileContents(folder + "/warnings.txt"));
}

INSTANTIATE_TEST_SUITE_P(Kustomize, BuiltKustomizations,
                         testing::Values("blanks", "components", "generators", "images", "labels",
                                         "names", "order", "patches", "replacements", "scopes",
                                         "strategic", "tables", "variables"),
                         [](const auto& test) { return std::string(test.param); });

// A folder with a kustomization, which goes with the test.
class KustomizeTest : public ProgramTest {
 protected:
  KustomizeTest() {
    std::string form = fs::canonical(fs::temp_directory_path()).string() + "/kustomize-XXXXXX";
    folder_ = mkdtemp(form.data());
    Write("object.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n");
  }
  ~KustomizeTest() override {
    std::error_code ignored;  // It lies in /tmp.
    fs::remove_all(folder_, ignored);
  }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name) << text;
  }
  // What building this says, with DIR for the folder.
  std::string Error(const std::string& kustomization) const {
    Write("kustomization.yaml", kustomization);
    std::vector<std::string> warnings;
    const auto built = kustomize::Build(folder_, {}, warnings);
    if (built) return "built:\n" + kustomize::YamlOf(*built);
    std::string text = built.error().message;
    for (size_t at; (at = text.find(folder_)) != text.npos;) {
      text.replace(at, folder_.size(), "DIR");
    }
    return text;
  }
  std::string Patched(const std::string& patch) const {
    return Error("resources: [object.yaml]\npatches: [" + patch + "]");
  }
  std::string folder_;
};

TEST_F(KustomizeTest, SaysWhatIsWrongWithAKustomizationInItsWords) {
  EXPECT_EQ(Error("resource: [a]"), "invalid Kustomization: json: unknown field \"resource\"");
  EXPECT_EQ(Error("images: [{name: x, newTag: 1.2}]"),
            "invalid Kustomization: json: cannot unmarshal number into Go struct field "
            "Image.images.newTag of type string");
  EXPECT_EQ(Error("patches: [{target: {kind: [a]}}]"),
            "invalid Kustomization: json: cannot unmarshal array into Go struct field "
            "Selector.patches.target.ResId.Gvk.kind of type string");
  EXPECT_EQ(Error("- a"),
            "invalid Kustomization: json: cannot unmarshal array into Go value of type "
            "types.Kustomization");
  EXPECT_EQ(Error("namePrefix: ''"), "kustomization.yaml is empty");
  EXPECT_EQ(Error("resources: []"), "built:\n");
  EXPECT_EQ(Error("kind: Foo\nresources: []"),
            "Failed to read kustomization file under DIR:\nkind should be Kustomization or "
            "Component");
  EXPECT_EQ(Error("apiVersion: v1\nresources: []"),
            "Failed to read kustomization file under DIR:\napiVersion for Kustomization should be "
            "kustomize.config.k8s.io/v1beta1");
  Write("Kustomization", "resources: []");
  EXPECT_EQ(Error("resources: []"), "Found multiple kustomization files under: DIR\n");
}

TEST_F(KustomizeTest, ReadsNothingOutsideOfItsFolder) {
  EXPECT_EQ(Error("resources: [/etc/passwd]"),
            "accumulating resources: accumulation err='accumulating resources from '/etc/passwd': "
            "security; file '/etc/passwd' is not in or below 'DIR'': new root '/etc/passwd' cannot "
            "be absolute");
  EXPECT_EQ(Error("configMapGenerator: [{name: a, files: [../../etc/passwd]}]"),
            "loading KV pairs: file sources: [../../etc/passwd]: security; file '/etc/passwd' is "
            "not in or below 'DIR'");
  fs::create_symlink("/etc/passwd", folder_ + "/link");
  EXPECT_THAT(Error("configMapGenerator: [{name: a, files: [link]}]"),
              HasSubstr("is not in or below 'DIR'"));
  EXPECT_EQ(Run("kustomize", {folder_, "--load-restrictor=LoadRestrictionsNone"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("root:"));
  EXPECT_THAT(Error("resources: [https://example.com/a.yaml]"),
              HasSubstr("is remote, and nothing is fetched here"));
  EXPECT_THAT(Error("components: [github.com/a/b]"), HasSubstr("nothing is fetched here"));
  EXPECT_THAT(Error("helmCharts: [{name: a}]"), StartsWith("helmCharts is not supported"));
  EXPECT_THAT(Error("transformers: [a.yaml]"), StartsWith("transformers is not supported"));
  EXPECT_THAT(Error("generators: [a.yaml]"), StartsWith("generators is not supported"));
  EXPECT_THAT(Error("validators: [a.yaml]"), StartsWith("validators is not supported"));
}

TEST_F(KustomizeTest, GoesNeitherInCirclesNorWithoutEnd) {
  EXPECT_THAT(Error("resources: [.]"), HasSubstr("cycle detected: candidate root 'DIR' contains "
                                                 "visited root 'DIR'"));
  Write("sub/kustomization.yaml", "resources: [../]");
  EXPECT_THAT(Error("resources: [sub]"), HasSubstr("cycle detected"));
  // Each names the next one twice.
  for (int i = 0; i < 12; ++i) {
    Write(fmt::format("k{}/kustomization.yaml", i),
          fmt::format("resources: [../k{0}, ../k{0}]", i + 1));
  }
  Write("k12/kustomization.yaml", "namePrefix: a");
  EXPECT_THAT(Error("resources: [k0]"), HasSubstr("more than 2000 kustomizations are named"));
  std::string doubling;
  for (int i = 0; i < 40; ++i) {
    doubling +=
        "- {source: {kind: ConfigMap, fieldPath: data.a}, targets: [{select: {kind: ConfigMap}, "
        "fieldPaths: [data.a], options: {delimiter: '/', index: 99}}]}\n";
  }
  EXPECT_EQ(Error("resources: [object.yaml]\nreplacements:\n" + doubling),
            "replacements copy more than 64 MiB");
  std::string deeper;
  for (int i = 0; i < 20; ++i) {
    deeper +=
        "- {source: {kind: ConfigMap, fieldPath: data}, targets: [{select: {kind: ConfigMap}, "
        "fieldPaths: [data.d], options: {create: true}}]}\n";
  }
  EXPECT_THAT(Error("resources: [object.yaml]\nreplacements:\n" + deeper),
              testing::AnyOf(HasSubstr("nests deeper than 400"), StartsWith("built:")));
  std::string nested(1000, '[');
  Write("deep.yaml", "{\"kind\": \"A\", \"metadata\": {\"name\": \"a\"}, \"x\": " + nested +
                         std::string(1000, ']') + "}");
  EXPECT_THAT(Error("resources: [deep.yaml]"), HasSubstr("nests deeper than 400"));
}

TEST_F(KustomizeTest, SaysWhatIsWrongWithResourcesAndGenerators) {
  const std::string from = "accumulating resources: accumulation err='accumulating resources from ";
  EXPECT_EQ(Error("resources: [nope.yaml]"),
            from +
                "'nope.yaml': evalsymlink failure on 'DIR/nope.yaml' : lstat DIR/nope.yaml: no "
                "such file or directory': must build at directory: not a valid directory: "
                "evalsymlink failure on 'DIR/nope.yaml' : lstat DIR/nope.yaml: no such file or "
                "directory");
  const std::string no_directory =
      "': must build at directory: 'DIR/a.yaml': file is not directory";
  Write("a.yaml", "a: b");
  EXPECT_EQ(Error("resources: [a.yaml]"),
            from + "'a.yaml': missing Resource metadata" + no_directory);
  Write("a.yaml", "kind: b");
  EXPECT_EQ(
      Error("resources: [a.yaml]"),
      from + "'a.yaml': missing metadata.name in object {{ b} {{ } map[] map[]}}" + no_directory);
  EXPECT_THAT(Error("resources: [object.yaml, object.yaml]"),
              HasSubstr("may not add resource with an already registered id: "
                        "ConfigMap.v1.[noGrp]/x.[noNs]"));
  EXPECT_EQ(Error("configMapGenerator: [{literals: [a=b]}]"), "a configmap must have a name");
  EXPECT_EQ(Error("configMapGenerator: [{name: a, literals: [a]}]"),
            "loading KV pairs: literal sources [a]: invalid literal source a, expected key=value");
  EXPECT_EQ(Error("configMapGenerator: [{name: a, literals: [a=b, a=c]}]"),
            "configmap a illegally repeats the key `a`");
  EXPECT_THAT(Error("configMapGenerator: [{name: b, behavior: merge}]"),
              HasSubstr("Name:\"b\", Namespace:\"\"} does not exist; cannot merge or replace"));
  EXPECT_THAT(Error("configMapGenerator: [{name: b}, {name: b}]"),
              HasSubstr("exists; behavior must be merge or replace"));
  Write("sub/kustomization.yaml", "namePrefix: a-");
  EXPECT_EQ(Error("components: [sub]"),
            "accumulating components: accumulateDirectory: \"expected kind 'Component' for path "
            "'DIR/sub' but got 'Kustomization'\"");
}

TEST_F(KustomizeTest, SaysWhatIsWrongWithChanges) {
  EXPECT_EQ(Patched("{patch: 'foo: ConfigMap'}"),
            "trouble configuring builtin PatchTransformer with config: `\npatch: 'foo: "
            "ConfigMap'\n`: unable to parse SM or JSON patch from [patch: \"foo: ConfigMap\"]");
  EXPECT_EQ(Patched("{patch: '- {op: replace, path: /spec/x, value: y}', target: {name: x}}"),
            "replace operation does not apply: doc is missing path: /spec/x: missing value");
  EXPECT_EQ(Patched("{patch: '- {op: remove, path: /data}'}"),
            "must specify a target for JSON patch [patch: \"- {op: remove, path: /data}\"]");
  EXPECT_EQ(Patched("{patch: '- {op: remove, path: /data}', target: {name: 'x('}}"),
            "error parsing regexp: missing closing ): `^(?:x()$`");
  EXPECT_EQ(Patched("{patch: '{kind: ConfigMap, apiVersion: v1, metadata: {name: y}}'}"),
            "no resource matches strategic merge patch \"ConfigMap.v1.[noGrp]/y.[noNs]\": no "
            "matches for Id ConfigMap.v1.[noGrp]/y.[noNs]; failed to find unique target for patch "
            "ConfigMap.v1.[noGrp]/y.[noNs]");
  EXPECT_THAT(
      Patched("{patch: '{kind: ConfigMap, apiVersion: v1, metadata: {name: x}, data: [a]}'}"),
      StartsWith("wrong node kind: expected MappingNode but got SequenceNode"));
  EXPECT_EQ(Error("resources: [object.yaml]\nreplicas: [{name: x, count: 2}]"),
            "resource with name x does not match a config with the following GVK "
            "[Deployment.[noVer].[noGrp] StatefulSet.[noVer].[noGrp] ReplicaSet.[noVer].[noGrp] "
            "ReplicationController.[noVer].[noGrp]]");
  EXPECT_EQ(Error("resources: [object.yaml]\nsortOptions: {order: foo}"),
            "the field 'sortOptions.order' must be one of [fifo, legacy]");
  EXPECT_EQ(Error("resources: [object.yaml]\nreplacements: [{source: {kind: Foo}, targets: []}]"),
            "nothing selected by Foo.[noVer].[noGrp]/[noName].[noNs]");
}

TEST_F(KustomizeTest, TakesFlagsThatFieldsHaveTheirPlaceOf) {
  Write("space.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: last}}");
  Write("kustomization.yaml", "resources: [object.yaml, space.yaml]");
  EXPECT_EQ(Run("kustomize", {folder_}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("apiVersion: v1\nkind: Namespace\n"));
  const std::string sorted = out_;
  EXPECT_EQ(Run("kustomize", {folder_, "--reorder=none"}), 0);
  EXPECT_THAT(out_, HasSubstr("\n---\napiVersion: v1\nkind: Namespace\n"));
  EXPECT_EQ(err_,
            "Flag --reorder has been deprecated, use the new 'sortOptions' field in "
            "kustomization.yaml instead.\n");
  EXPECT_EQ(Run("kustomize", {folder_, "--reorder=legacy"}), 0);
  EXPECT_EQ(out_, sorted);
  EXPECT_EQ(Run("kustomize", {folder_, "--reorder=x"}), 1);
  EXPECT_THAT(err_, HasSubstr("\nerror: illegal flag value --reorder x; legal values: [legacy "
                              "none]\n"));
  EXPECT_EQ(Run("kustomize", {folder_, "--enable-managedby-label"}), 0);
  EXPECT_THAT(out_, HasSubstr("app.kubernetes.io/managed-by: kustomize-v5.7.1\n"));
  Write("kustomization.yaml", "resources: [object.yaml, space.yaml]\nsortOptions: {order: legacy}");
  EXPECT_EQ(Run("kustomize", {folder_, "--reorder=none"}), 0);
  EXPECT_EQ(out_, sorted) << "the field counts";
}

TEST_F(KustomizeTest, PrintsOrWritesWhatADirectoryComesTo) {
  EXPECT_EQ(Run("kustomize", {FolderOf("scopes")}), 0) << err_;
  EXPECT_EQ(out_, FileContents(FolderOf("scopes/expected.yaml")));
  EXPECT_EQ(Run("kustomize", {FolderOf("tables")}), 0);
  EXPECT_EQ(err_, FileContents(FolderOf("tables/warnings.txt")));
  EXPECT_EQ(Run("kustomize", {FolderOf("images"), "-o", folder_}), 0) << err_;
  EXPECT_THAT(FileContents(folder_ + "/apps_v1_statefulset_many.yaml"), HasSubstr("replicas: 0"));
  EXPECT_EQ(Run("kustomize", {"a", "b"}), 1);
  EXPECT_EQ(err_, "error: specify one path to kustomization.yaml\n");
  EXPECT_EQ(Run("kustomize", {folder_ + "/nope"}), 1);
  EXPECT_THAT(err_, StartsWith("error: must build at directory: not a valid directory: "));
  EXPECT_EQ(Run("kustomize", {"--enable-helm"}), 1);
  EXPECT_EQ(Run("kustomize", {"--load-restrictor=x"}), 1);
  EXPECT_THAT(err_, StartsWith("error: illegal flag value --load-restrictor x"));
}

TEST_F(KustomizeTest, IsWhatVerbsTakeWithK) {
  server_ = ServerOf("acme.io", {{"widgets", "Widget"}},
                     {{"/api/v1/namespaces/default/pods/p-b",
                       R"({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p-b"}})"}});
  Write("object.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n");
  Write("kustomization.yaml", "resources: [object.yaml]\nnamePrefix: p-\n");
  EXPECT_EQ(Run("get", {"-k", folder_, "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "pod/p-b\n");
  EXPECT_EQ(Run("create", {"-k", folder_, "--dry-run=client"}), 0) << err_;
  EXPECT_EQ(out_, "pod/p-b created (dry run)\n");
  EXPECT_EQ(Run("get", {"-k", folder_, "-f", "x"}), 1);
  EXPECT_EQ(err_, "error: only one of -f or -k can be specified\n");
  EXPECT_EQ(Run("get", {"-k", folder_ + "/nope"}), 1);
  EXPECT_THAT(err_, StartsWith("must build at directory")) << "as kubectl says it";
}

}  // namespace
}  // namespace skiff::cli
