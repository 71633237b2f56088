// SPDX-License-Identifier: Apache-2.0
// The parts of Asio and Beast that are not templates, compiled once here (BOOST_*_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
