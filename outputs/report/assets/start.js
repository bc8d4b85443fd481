startTheme();
startCharts();
startRows();
startDetail();
startMap();
