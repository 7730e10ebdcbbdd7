// The libraries of functions, one a file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/cel/function.h"

namespace skiff::cel {

// All functions and types that Kubernetes enables wherever it runs CEL.
std::shared_ptr<const FunctionTable> KubernetesFunctions();
// And those of mutations.
std::shared_ptr<const FunctionTable> MutationFunctions();

void AddStandardFunctions(FunctionTable& table);
void AddTextFunctions(FunctionTable& table);
void AddTimeFunctions(FunctionTable& table);
void AddConversionFunctions(FunctionTable& table);
void AddOptionalFunctions(FunctionTable& table);
void AddStringFunctions(FunctionTable& table);
void AddFormatFunctions(FunctionTable& table);
void AddListFunctions(FunctionTable& table);
void AddAddressFunctions(FunctionTable& table);
void AddUrlFunctions(FunctionTable& table);
void AddQuantityFunctions(FunctionTable& table);
void AddSemverFunctions(FunctionTable& table);
void AddNamedFormatFunctions(FunctionTable& table);
void AddAuthorizerFunctions(FunctionTable& table);
void AddPatchFunctions(FunctionTable& table);

// What semver() and quantity() come to; an error value where the text is none.
Value SemverOf(std::string_view text);
Value QuantityOf(std::string_view text);

// Bytes that an address has, and bits in eights that a prefix has; 1 for any other value.
uint64_t AddressSize(const Value& value);

// Characters of the pattern behind a named format; 0 for any other value.
uint64_t FormatPatternLength(const Value& format);

// Why `pattern` is no regular expression, in Go's words; "": it is one.
std::string PatternError(std::string_view pattern);

}  // namespace skiff::cel
