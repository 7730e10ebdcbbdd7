// For tests: what a project becomes, and what is wrong with it, whatever step would find it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/compose/convert.h"
#include "cli/compose/files_fixture.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {

class ConversionFixture : public testing::Test {
 protected:
  // With a compose.yaml of /shop; "none" where nothing is.
  std::string FailureOf(const std::string& text) {
    files_.files["/shop/compose.yaml"] = text;
    Mistakes wrong;
    const auto project = Load(InShop(), files_, wrong);
    wrong.Add(project);
    if (project) Convert(*project, files_, wrong);
    return wrong.empty() ? "none" : wrong.Told().error().message;
  }
  // The project of /shop whose compose.yaml has these lines.
  Conversion Converted(const std::string& text) {
    files_.files["/shop/compose.yaml"] = text;
    auto project = Load(InShop(), files_);
    EXPECT_TRUE(project) << project.error().message;
    if (!project) return {};
    auto converted = Convert(*project, files_);
    EXPECT_TRUE(converted) << converted.error().message;
    return converted ? *converted : Conversion();
  }
  static Json Find(const Conversion& conversion, const std::string& kind, const std::string& name) {
    for (const Json& object : conversion.Objects()) {
      if (object["kind"] == kind && NameOf(object) == name) return object;
    }
    return Json();
  }
  static std::vector<std::string> Notes(const Conversion& conversion) {
    std::vector<std::string> texts;
    for (const Note& note : conversion.notes) texts.push_back(note.Text());
    return texts;
  }
  static Json ContainerOf(const Json& workload) {
    return workload["spec"]["template"]["spec"]["containers"][0];
  }
  FilesInMemory files_;
};

}  // namespace skiff::cli::compose
