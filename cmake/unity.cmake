# batched(out target count source... [TOGETHER prefix]): the sources themselves, or, where
# SKIFF_UNITY is on (preset `release`) and count is not 0, `count` files which include them all. Most
# of what one of our files costs the compiler is what it includes, and a batch reads that once.
# Sources whose names begin with the prefix make one more batch: they include what is large, and
# others do not.
#
# A file's batch follows from its name alone: a new file joins one batch, and makes no other one
# compile anew. The names within are from the root, as everywhere, so that every checkout shares the
# compiler cache. What two files keep for themselves must not have one name: a batch is one file to
# the compiler. The preset `dev` compiles file by file, and sees that each includes what it uses.
option(SKIFF_UNITY "Compile sources in batches: faster as a whole, slower for one edit" OFF)

function(batched out target count)
  cmake_parse_arguments(ARG "" "TOGETHER" "" ${ARGN})
  set(sources ${ARG_UNPARSED_ARGUMENTS})
  if(NOT SKIFF_UNITY OR NOT sources OR count EQUAL 0)
    set(${out} ${sources} PARENT_SCOPE)
    return()
  endif()
  foreach(source ${sources})
    string(REGEX REPLACE "^(${CMAKE_BINARY_DIR}/generated|${CMAKE_SOURCE_DIR})/" "" name ${source})
    string(MD5 hash ${name})
    string(SUBSTRING ${hash} 0 6 digits)
    math(EXPR batch "0x${digits} % ${count}")
    if(ARG_TOGETHER AND name MATCHES "^${ARG_TOGETHER}")
      set(batch together)
    endif()
    string(APPEND text_${batch} "#include \"${name}\"\n")
    if(source MATCHES "^${CMAKE_BINARY_DIR}/generated/")
      # Stays a source, or nothing would make it.
      set_source_files_properties(${source} PROPERTIES HEADER_FILE_ONLY ON)
      list(APPEND files ${source})
    endif()
  endforeach()
  math(EXPR last "${count} - 1")
  set(batches together)
  foreach(batch RANGE ${last})
    list(APPEND batches ${batch})
  endforeach()
  foreach(batch ${batches})
    if(DEFINED text_${batch})
      set(file ${CMAKE_BINARY_DIR}/unity/${target}_${batch}.cc)
      file(CONFIGURE OUTPUT ${file} CONTENT "${text_${batch}}" @ONLY)
      list(APPEND files ${file})
      if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # g++ takes the sources for headers, whose types would not do well to be theirs alone.
        set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS -Wno-subobject-linkage)
      endif()
    endif()
  endforeach()
  set(${out} ${files} PARENT_SCOPE)
endfunction()
