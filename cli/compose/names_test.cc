// Which names projects have, and what of a project belongs to which folder.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "cli/compose/convert.h"
#include "cli/compose/files_fixture.h"
#include "cli/prune/objects_fixture.h"

namespace skiff::cli::compose {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// What its objects are found by, and what they are called, where the folder is called so.
std::pair<std::string, std::string> LabelAndClaim(const std::string& folder) {
  FilesInMemory files;
  files.files["/" + folder + "/compose.yaml"] =
      "services:\n  db: {image: x, volumes: ['data:/data']}\nvolumes: {data: }\n";
  LoadOptions options = InShop();
  options.working_directory = "/" + folder;
  const auto project = Load(options, files);
  EXPECT_TRUE(project) << project.error().message;
  const auto conversion = Convert(*project, files);
  EXPECT_TRUE(conversion) << conversion.error().message;
  for (const Json& object : conversion->shared) {
    if (TextAt(object, "kind") != "PersistentVolumeClaim") continue;
    return {TextAt(object, "metadata", "labels", kProjectLabel), NameOf(object)};
  }
  return {};
}

TEST(ComposeNamesTest, FoldersOfOtherNamesAreOtherProjects) {
  const std::string forty(40, 'a'), sixty_three(63, 'a'), long_one(200, 'a');
  for (const auto& [one, other] : std::vector<std::pair<std::string, std::string>>{
           {forty + "-x", forty + "-y"},
           {sixty_three, sixty_three + "b"},
           {long_one + "x", long_one + "y"},
           {"web", "web_"},
           {"web-", "web_"}}) {
    const auto [label, claim] = LabelAndClaim(one);
    const auto [other_label, other_claim] = LabelAndClaim(other);
    EXPECT_NE(label, other_label) << one;
    EXPECT_NE(claim, "");
    // "web_-data" and "web-data" are names of one, and told of as taken.
    if (one.size() > 10) {
      EXPECT_NE(claim, other_claim) << one;
    }
  }
  EXPECT_EQ(LabelAndClaim(forty + "-x").first, forty + "-x");
  EXPECT_EQ(LabelAndClaim(sixty_three).first, sixty_three);
  EXPECT_EQ(LabelAndClaim("shop").first, "shop");
}

TEST(ComposeNamesTest, ALabelSaysWhichNameItIsToFindTheProjectAgain) {
  for (const std::string& name : {std::string("shop"), std::string(200, 'a'), std::string("a_")}) {
    EXPECT_EQ(ProjectLabelValue(ProjectLabelValue(name)), ProjectLabelValue(name));
    EXPECT_LE(ProjectLabelValue(name).size(), 63u);
  }
}

TEST(ComposeNamesTest, FoldersOfLongProjectsHaveNamesOfTheirOwn) {
  const auto name = [](const std::string& folder) {
    FilesInMemory files;
    files.files["/" + folder + "/compose.yaml"] =
        "services:\n  db: {image: x, volumes: ['./files:/data:ro']}\n";
    files.files["/" + folder + "/files/a"] = "x";
    LoadOptions options = InShop();
    options.working_directory = "/" + folder;
    const auto conversion = Convert(*Load(options, files), files);
    return NameOf(conversion->shared.front());
  };
  EXPECT_NE(name(std::string(60, 'a') + "x"), name(std::string(60, 'a') + "y"));
  EXPECT_EQ(name("shop"), "shop-files-3d7d");
}

class ComposeFoldersTest : public ObjectsTest {
 protected:
  ComposeFoldersTest() : top_(testing::TempDir() + "/compose-folders-test") {
    for (const std::string each : {"a", "b"}) {
      std::filesystem::create_directories(top_ + "/" + each + "/web");
      std::ofstream(File(each)) << "services: {" << each << ": {image: x}}\n";
    }
    variables_["COMPOSE_PROJECT_NAME"] = "";
    variables_["COMPOSE_PROFILES"] = "";
    variables_["COMPOSE_ENV_FILES"] = "";
    Put("/api/v1/namespaces/default", {{"kind", "Namespace"}});
    // As `up` in a/web made it.
    Json labels = {{kProjectLabel, "web"}, {kServiceLabel, "a"}};
    Json annotations = {{kFolderAnnotation, std::filesystem::canonical(top_ + "/a/web").string()}};
    Put(kDeployment, {{"kind", "Deployment"},
                      {"metadata", {{"labels", labels}, {"annotations", annotations}}}});
  }
  ~ComposeFoldersTest() override { std::filesystem::remove_all(top_); }
  std::string File(const std::string& which) const {
    return top_ + "/" + which + "/web/compose.yaml";
  }
  static constexpr char kDeployment[] = "/apis/apps/v1/namespaces/default/deployments/a";
  const std::string top_;
};

TEST_F(ComposeFoldersTest, WhatAnotherFolderOfThatNameMadeIsLeftAlone) {
  for (const std::string verb : {"up", "down"}) {
    EXPECT_EQ(Run("compose", {verb, "-f", File("b")}), 1) << verb;
    EXPECT_THAT(err_, AllOf(HasSubstr("the project web in namespace default was brought up from "
                                      "the folder "),
                            HasSubstr("a/web, and "), HasSubstr("-p web takes it over")));
  }
  EXPECT_THAT(writes_, IsEmpty());
  EXPECT_TRUE(objects_.contains(kDeployment));
}

TEST_F(ComposeFoldersTest, WhoSaysTheNameMeansIt) {
  EXPECT_EQ(Run("compose", {"down", "-p", "web", "-f", File("b")}), 0) << err_;
  EXPECT_FALSE(objects_.contains(kDeployment));
}

TEST_F(ComposeFoldersTest, ItsOwnFolderTakesItDownHoweverItIsSaid) {
  std::filesystem::create_directory_symlink(top_ + "/a", top_ + "/link");
  EXPECT_EQ(Run("compose", {"down", "-f", File("link")}), 0) << err_;
  EXPECT_FALSE(objects_.contains(kDeployment));
}

}  // namespace
}  // namespace skiff::cli::compose
