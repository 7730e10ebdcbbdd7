#include "kubelet/environment.h"

#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

using core_v1::Container;
using core_v1::Pod;

class EnvironmentTest : public testing::Test {
 protected:
  EnvironmentTest() {
    pod_.metadata.name = "web";
    pod_.metadata.namespace_ = "shop";
    config_map_->data = {{"A", "map-a"}, {"B", "map-b"}};
    secret_->data = {{"PASSWORD", "hush"}};
    sources_.config_map = [this](const std::string& name) {
      return Answer<core_v1::ConfigMap>(name, config_map_);
    };
    sources_.secret = [this](const std::string& name) {
      return Answer<core_v1::Secret>(name, secret_);
    };
  }
  template <typename Object>
  Result<std::shared_ptr<const Object>> Answer(const std::string& name,
                                               const std::shared_ptr<Object>& there) {
    if (!api_answers_) return Fail(Reason::kTimeout, "the API does not answer");
    if (name != "there") return Fail(Reason::kNotFound, "not the text that is shown");
    return there;
  }
  void Set(const std::string& name, const std::string& value) {
    auto& variable = container_.env.emplace_back();
    variable.name = name;
    variable.value = value;
  }
  core_v1::EnvVarSource& From(const std::string& name) {
    auto& variable = container_.env.emplace_back();
    variable.name = name;
    return variable.value_from.Ensure();
  }
  core_v1::FileKeySelector& FromFile(const std::string& name, const std::string& key) {
    auto& file = From(name).file_key_ref.Ensure();
    file.volume_name = "c";
    file.path = "a.env";
    file.key = key;
    return file;
  }
  static Result<EnvFile> FileOf(const std::string& volume, const std::string& path,
                                const std::string& text) {
    EnvFile file = ParseEnvFile(text);
    file.path = "/v/" + volume + "/" + path;
    file.size_bytes = text.size();
    return file;
  }
  // "A=1 B=2", or what is wrong.
  std::string Made() {
    const auto made = MakeEnvironment(pod_, container_, sources_);
    if (!made) return made.error().message;
    std::string text;
    for (const auto& [name, value] : *made) text += (text.empty() ? "" : " ") + name + "=" + value;
    return text;
  }
  Pod pod_;
  Container container_;
  EnvironmentSources sources_;
  bool api_answers_ = true;
  std::shared_ptr<core_v1::ConfigMap> config_map_ = std::make_shared<core_v1::ConfigMap>();
  std::shared_ptr<core_v1::Secret> secret_ = std::make_shared<core_v1::Secret>();
};

TEST_F(EnvironmentTest, LaterOnesWinAndReferToEarlierOnes) {
  auto& all = container_.env_from.emplace_back();
  all.prefix = "P_";
  all.config_map_ref.Ensure().name = "there";
  Set("X", "$(P_A)/$(LATER)/$$(P_A)");
  Set("P_B", "own");
  Set("LATER", "x");
  EXPECT_EQ(Made(), "P_A=map-a P_B=own X=map-a/$(LATER)/$(P_A) LATER=x");
}

TEST_F(EnvironmentTest, KeysAreLookedUp) {
  auto& map = From("FROM_MAP").config_map_key_ref.Ensure();
  map.name = "there";
  map.key = "A";
  auto& secret = From("FROM_SECRET").secret_key_ref.Ensure();
  secret.name = "there";
  secret.key = "PASSWORD";
  From("NAME").field_ref.Ensure().field_path = "metadata.name";
  EXPECT_EQ(Made(), "FROM_MAP=map-a FROM_SECRET=hush NAME=web");
}

// A pod may name one thousands of times, and each time is a request.
TEST_F(EnvironmentTest, EachObjectIsAskedForOnce) {
  int asked = 0;
  sources_.config_map = [&](const std::string& name) {
    ++asked;
    return Answer<core_v1::ConfigMap>(name, config_map_);
  };
  sources_.secret = [&](const std::string& name) {
    ++asked;
    return Answer<core_v1::Secret>(name, secret_);
  };
  for (int i = 0; i < 10; ++i) {
    for (const char* name : {"there", "gone"}) {
      auto& map = From("M").config_map_key_ref.Ensure();
      map.name = name;
      map.key = "A";
      map.optional = true;
      auto& secret = container_.env_from.emplace_back().secret_ref.Ensure();
      secret.name = name;
      secret.optional = true;
    }
  }
  EXPECT_EQ(Made(), "PASSWORD=hush M=map-a");
  EXPECT_EQ(asked, 4);
}

TEST_F(EnvironmentTest, WhatIsMissingIsSaidInKubernetesWords) {
  auto& map = From("X").config_map_key_ref.Ensure();
  map.name = "gone";
  map.key = "A";
  EXPECT_EQ(Made(), "configmap \"gone\" not found");
  map.name = "there";
  map.key = "C";
  EXPECT_EQ(Made(), "couldn't find key C in ConfigMap shop/there");
  map.optional = true;
  EXPECT_EQ(Made(), "");
  auto& secret = From("Y").secret_key_ref.Ensure();
  secret.name = "gone";
  EXPECT_EQ(Made(), "secret \"gone\" not found");
  secret.name = "there";
  secret.key = "user";
  EXPECT_EQ(Made(), "couldn't find key user in Secret shop/there");
}

TEST_F(EnvironmentTest, KeysOfEnvFilesAreLookedUp) {
  sources_.env_file = [&](const std::string& volume, const std::string& path, size_t) {
    return FileOf(volume, path, "A='from a file'\nEMPTY=''\n");
  };
  FromFile("X", "A");
  EXPECT_EQ(Made(), "X=from a file");
  auto& file = FromFile("Y", "MISSING");
  EXPECT_EQ(Made(),
            "environment variable key \"MISSING\" not found in file \"/v/c/a.env\"");
  file.optional = true;
  EXPECT_EQ(Made(), "X=from a file");
  // A value that is empty is as good as none.
  file.key = "EMPTY";
  EXPECT_EQ(Made(), "X=from a file");
  file.optional = false;
  EXPECT_NE(Made().find("environment variable key \"EMPTY\" not found"), std::string::npos);
}

TEST_F(EnvironmentTest, AnEnvFileThatIsMissingMayBeSoWhenItIsOptional) {
  sources_.env_file = [](const auto&, const auto&, size_t) -> Result<EnvFile> {
    return Fail(Reason::kNotFound, kBadEnvFile);
  };
  auto& file = FromFile("X", "A");
  EXPECT_EQ(Made(), "couldn't parse env file");
  file.optional = true;
  EXPECT_EQ(Made(), "");
  sources_.env_file = [](const auto&, const auto&, size_t) -> Result<EnvFile> {
    return Fail(Reason::kForbidden, kBadEnvFile);
  };
  EXPECT_EQ(Made(), "couldn't parse env file");
}

TEST_F(EnvironmentTest, WhatComesBeforeAMistakeInAnEnvFileIsTaken) {
  sources_.env_file = [&](const std::string& volume, const std::string& path, size_t) {
    return FileOf(volume, path, "A='1'\nB=2\nC='3'\n");
  };
  auto& file = FromFile("X", "A");
  EXPECT_EQ(Made(), "X=1");
  file.key = "C";
  EXPECT_EQ(Made(), "couldn't parse env file");
  file.optional = true;
  EXPECT_EQ(Made(), "couldn't parse env file");
}

TEST_F(EnvironmentTest, AnEnvFileIsReadOnceForAllItsVariablesAndWithinABound) {
  std::vector<size_t> bounds;
  sources_.env_file = [&](const std::string& volume, const std::string& path, size_t bytes_max) {
    bounds.push_back(bytes_max);
    return FileOf(volume, path, "A='1'\nB='2'\n");
  };
  FromFile("X", "A");
  FromFile("Y", "B");
  FromFile("Z", "B").path = "b.env";
  EXPECT_EQ(Made(), "X=1 Y=2 Z=2");
  EXPECT_EQ(bounds, (std::vector<size_t>{kEnvFilesBytesMax, kEnvFilesBytesMax - 12}));
}

TEST_F(EnvironmentTest, WhereThereAreNoFilesVariablesOfThemAreEmpty) {
  FromFile("X", "A");
  EXPECT_EQ(Made(), "X=");
}

// Started without its variables, a container would run with the wrong ones until its end.
TEST_F(EnvironmentTest, OptionalMeansThatItMayBeMissingNotThatItNeedNotBeAskedFor) {
  auto& all = container_.env_from.emplace_back().config_map_ref.Ensure();
  all.name = "gone";
  all.optional = true;
  auto& key = From("X").secret_key_ref.Ensure();
  key.name = "gone";
  key.optional = true;
  EXPECT_EQ(Made(), "");
  api_answers_ = false;
  EXPECT_EQ(Made(), "the API does not answer");
  container_.env_from.clear();
  EXPECT_EQ(Made(), "the API does not answer");
}

TEST_F(EnvironmentTest, ServicesOfTheNamespaceAreTold) {
  const auto add = [&](const std::string& namespace_, const std::string& name) {
    auto service = std::make_shared<core_v1::Service>();
    service->metadata.namespace_ = namespace_;
    service->metadata.name = name;
    service->spec.cluster_ip = "10.0.0.1";
    auto& port = service->spec.ports.emplace_back();
    port.port = 80;
    port.protocol = "TCP";
    sources_.services.push_back(service);
  };
  add("shop", "data-base");
  add("other", "hidden");
  add("default", "kubernetes");
  std::string made = Made();
  EXPECT_NE(made.find("DATA_BASE_SERVICE_HOST=10.0.0.1"), std::string::npos);
  EXPECT_NE(made.find("DATA_BASE_PORT_80_TCP=tcp://10.0.0.1:80"), std::string::npos);
  EXPECT_NE(made.find("KUBERNETES_SERVICE_PORT=80"), std::string::npos);
  EXPECT_EQ(made.find("HIDDEN"), std::string::npos);
  pod_.spec.enable_service_links = false;
  made = Made();
  EXPECT_EQ(made.find("DATA_BASE"), std::string::npos);
  EXPECT_NE(made.find("KUBERNETES_SERVICE_PORT=80"), std::string::npos);
}

TEST(ExpandTest, ReplacesWhatIsKnown) {
  const std::map<std::string, std::string> variables = {{"A", "1"}, {"EMPTY", ""}};
  EXPECT_EQ(*Expand("$(A)-$(B)-$A-$", variables), "1-$(B)-$A-$");
  EXPECT_EQ(*Expand("$$(A) $$ $(A", variables), "$(A) $ $(A");
  EXPECT_EQ(*Expand("[$(EMPTY)]", variables), "[]");
}

// As long as an object may be: to look for the end of each of them takes minutes.
TEST(ExpandTest, LooksForNoEndOverAndOver) {
  std::string text = "$(A)";
  for (int i = 0; i < 1'500'000; ++i) text += "$(";
  EXPECT_EQ(*Expand(text, {{"A", "x"}}), "x" + text.substr(4));
}

// Each refers to the one before twice.
TEST_F(EnvironmentTest, ReferencesThatDoubleComeToAnEnd) {
  Set("X0", std::string(1024, 'x'));
  for (int i = 1; i < 64; ++i) {
    const std::string before = "$(X" + std::to_string(i - 1) + ")";
    Set("X" + std::to_string(i), before + before);
  }
  EXPECT_EQ(Made(), "argument list too long");
}

TEST_F(EnvironmentTest, ManyVariablesOfOneLargeValueAreTooMany) {
  config_map_->data = {{"A", std::string(1024 * 1024, 'x')}};
  for (int i = 0; i < 9; ++i) {
    auto& all = container_.env_from.emplace_back();
    all.prefix = "P" + std::to_string(i);
    all.config_map_ref.Ensure().name = "there";
  }
  EXPECT_EQ(Made(), "argument list too long");
  container_.env_from.pop_back();
  container_.env_from.pop_back();
  EXPECT_EQ(Made().size(), 7 * (1024 * 1024 + 4) + 6);
}

TEST(SubPathOfTest, NeedsAValueForEachVariable) {
  const std::map<std::string, std::string> variables = {{"POD", "web"}, {"EMPTY", ""}};
  core_v1::VolumeMount mount;
  EXPECT_EQ(*SubPathOf(mount, variables), "");
  mount.sub_path = "plain/$(POD)";
  EXPECT_EQ(*SubPathOf(mount, variables), "plain/$(POD)");
  mount.sub_path_expr = "logs/$(POD)";
  EXPECT_EQ(*SubPathOf(mount, variables), "logs/web");
  mount.sub_path_expr = "$(Z)/$(EMPTY)/$(POD)/$(B)";
  EXPECT_EQ(SubPathOf(mount, variables).error().message, "missing value for B, EMPTY, Z");
}

}  // namespace
}  // namespace skiff::kubelet
