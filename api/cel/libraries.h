// The libraries of functions, one a file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/cel/function.h"

namespace skiff::cel {

// All functions and types that Kubernetes enables wherever it runs CEL.
std::shared_ptr<const FunctionTable> KubernetesFunctions();

void AddStandardFunctions(FunctionTable& table);
void AddTextFunctions(FunctionTable& table);
void AddTimeFunctions(FunctionTable& table);
void AddConversionFunctions(FunctionTable& table);
void AddOptionalFunctions(FunctionTable& table);
void AddStringFunctions(FunctionTable& table);
void AddFormatFunctions(FunctionTable& table);
void AddListFunctions(FunctionTable& table);

// Why `pattern` is no regular expression, in Go's words; "": it is one.
std::string PatternError(std::string_view pattern);

}  // namespace skiff::cel
