# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings for the site; scripts/docs.sh puts its pages together. Nothing is fetched while it is built."""

project = "ck8s.ports"
author = copyright = "ck8s.ports contributors"  # noqa: A001 (Sphinx's name)
html_title = "ck8s.ports"
html_short_title = "ck8s.ports"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_theme_options = {"vcs_pageview_mode": "", "documentation_home_url": "index.html"}
html_show_sphinx = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Ansible's own pages (:ref:) are not at hand here, and links into the repository are for those who have it.
suppress_warnings = ["ref.ref", "myst.xref_missing"]
default_role = "any"
nitpicky = False
