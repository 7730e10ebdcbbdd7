// For tests: what is wrong with a project, whatever step would find it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "cli/compose/convert.h"
#include "cli/compose/files_fixture.h"

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
  FilesInMemory files_;
};

}  // namespace skiff::cli::compose
