#include "api/cel/libraries.h"

namespace skiff::cel {

std::shared_ptr<const FunctionTable> KubernetesFunctions() {
  static const std::shared_ptr<const FunctionTable> table = [] {
    auto functions = std::make_shared<FunctionTable>();
    AddStandardFunctions(*functions);
    AddTextFunctions(*functions);
    AddTimeFunctions(*functions);
    AddConversionFunctions(*functions);
    AddOptionalFunctions(*functions);
    AddStringFunctions(*functions);
    AddFormatFunctions(*functions);
    AddListFunctions(*functions);
    AddAddressFunctions(*functions);
    AddUrlFunctions(*functions);
    AddQuantityFunctions(*functions);
    AddSemverFunctions(*functions);
    AddNamedFormatFunctions(*functions);
    AddAuthorizerFunctions(*functions);
    return functions;
  }();
  return table;
}

std::shared_ptr<const FunctionTable> MutationFunctions() {
  static const std::shared_ptr<const FunctionTable> table = [] {
    auto functions = std::make_shared<FunctionTable>(*KubernetesFunctions());
    AddPatchFunctions(*functions);
    functions->AddPatchTypes();
    return functions;
  }();
  return table;
}

}  // namespace skiff::cel
