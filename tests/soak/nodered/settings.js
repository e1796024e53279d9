// SPDX-License-Identifier: GPL-2.0-or-later
"use strict";
module.exports = {
	uiHost: "127.0.0.1",
	uiPort: 1880,
	disableEditor: true,
	telemetry: { enabled: false, updateNotification: false },
	editorTheme: { tours: false },
	credentialSecret: false,
	functionGlobalContext: { soak: require("./loop.js") },
	logging: { console: { level: "warn", metrics: false, audit: false } },
};
